# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Registered seclusions rose. Did seclusions rise?
#
# A synthetic register with known truth, read as an inspectorate would read a real one: check, panel, rates, ratios,
# bounds. At the end the truth is opened, and three worlds with different truths are seen to say the same thing.

# %%
import json
from pathlib import Path

import pandas as pd

import dwangstats as dw

ROOT = next(p for p in [Path.cwd(), *Path.cwd().parents] if (p / "pyproject.toml").exists())
SYNTHETIC = ROOT / "data" / "synthetic"
RESULTS = ROOT / "paper" / "results"

# %% [markdown]
# ## 1. Read and check
# Nothing is repaired on the way in. Every finding has a count, the first rows and an action.

# %%
tables = dw.read_tables(SYNTHETIC / "mixed")
checks = dw.check(tables)
checks.to_frame()[["severity", "rule", "table", "count", "of", "message"]]

# %% [markdown]
# ## 2. The panel
# One row per provider, half-year and form. A half-year that was not delivered has no count; it is not a zero.

# %%
panel = dw.build_panel(tables, by="half-year", law="WVGGZ")
panel.set_aside

# %%
kept = dw.complete_deliverers(panel)
coverage = dw.selection_coverage(panel, kept)
coverage

# %% [markdown]
# ## 3. Registered rate ratios, 2021 to 2023
# Poisson, exposure in bed-days, standard errors that allow for everything that registrations of one provider have in
# common (CR2, with Satterthwaite degrees of freedom). Beside them the interval of somebody who thinks that providers
# are alike: it is shown because it is common, not because it is right.

# %%
selected = panel.restrict(kept)
clustered, naive = {}, {}
for form in ["all", *panel.forms]:
    fit = dw.RateModel("C(year)", selected.for_form(form)).fit()
    naive[form] = dw.rate_ratio(fit, "year", before=2021, after=2023)
    clustered[form] = dw.rate_ratio(fit.robust("CR2", cluster="provider"), "year", before=2021, after=2023)
ratios = pd.concat([estimate.to_frame().assign(form=form) for form, estimate in clustered.items()], ignore_index=True)
ratios

# %% [markdown]
# ## 4. What is possible without any model of registration
# If registration did not get worse, and at least 70 % of what happened in 2021 was registered, the real ratio lies
# in this band. The register alone cannot narrow it.

# %%
LOW = 0.7
bands = {
    form: dw.bounds(rate_ratio=estimate, completeness_before=(LOW, 1.0), monotone=True)
    for form, estimate in clustered.items()
}
tips = {form: dw.tipping_point(rate_ratio=estimate) for form, estimate in clustered.items()}
print(tips["all"].sentence("en"))
band_frame = pd.concat(
    [band.to_frame().assign(form=form, completeness_low=LOW, completeness_high=1.0) for form, band in bands.items()],
    ignore_index=True,
)
tip_frame = pd.concat([tip.to_frame().assign(form=form) for form, tip in tips.items()], ignore_index=True)
band_frame

# %%
SHOWN = ["all", "seclusion"]
shown_bands = band_frame[band_frame["form"].isin(SHOWN)]
shown_tips = tip_frame[tip_frame["form"].isin(SHOWN)]
with dw.figures.figure_style():
    axes = dw.figures.bounds(shown_bands, shown_tips, "en", ratios=ratios, before=2021, after=2023)

# %% [markdown]
# ## 5. The truth, and two other worlds
# In the three worlds the register shows nearly the same rise. What happened differs by thirty points.

# %%
WORLDS = ["registration-only", "mixed", "real-only"]
growth = {
    name: json.loads((SYNTHETIC / name / "world.json").read_text(encoding="utf-8"))["figures"]["growth"]["all"][
        "complete"
    ]
    for name in WORLDS
}
pd.DataFrame(growth).loc[["true", "registered"]].round(3)

# %% [markdown]
# ## 6. What would settle it, and the numbers for the paper

# %%
plan = dw.audit_size(completeness=0.75, se=0.05, icc=0.05)
print(plan)

# %%
RESULTS.mkdir(parents=True, exist_ok=True)


def change(ratio: float) -> str:
    """A ratio as a change in per cent, with its sign."""
    return f"{100 * (ratio - 1):+.1f}".replace("-", "\N{MINUS SIGN}")


def interval(estimate: dw.Estimate) -> str:
    """Interval of a ratio as text."""
    return f"{estimate.lower:.2f} to {estimate.upper:.2f}"


LABELS = {
    "all": "All forms together",
    "seclusion": "Seclusion (seclusion room or extra secured room)",
    "other_locking_in": "Other locking in",
    "medication": "Forced medication, fluids, nutrition",
    "restraint": "Restraint of movement",
    "other": "Other forms",
}
table = pd.DataFrame(
    {
        "label": [LABELS[form] for form in clustered],
        "ratio_text": [f"{estimate.estimate:.2f}" for estimate in clustered.values()],
        "clustered_text": [interval(estimate) for estimate in clustered.values()],
        "naive_text": [interval(estimate) for estimate in naive.values()],
    }
)
table.to_csv(RESULTS / "ratios.csv", index=False, lineterminator="\n")

# %%
numbers = {
    "version": dw.__version__,
    "before": "2021",
    "after": "2023",
    "all_change": change(clustered["all"].estimate),
    "all_lower": change(clustered["all"].lower),
    "all_upper": change(clustered["all"].upper),
    "kept": str(len(kept)),
    "providers": str(len(panel.providers)),
    "tipping": f"{100 * tips['all'].completeness_before:.0f}",
    "completeness_low": f"{100 * LOW:.0f}",
    "bounds_lower": change(bands["all"].lower),
    "bounds_upper": change(bands["all"].upper),
    "bounds_alt": dw.figures.bounds_alt(shown_bands, shown_tips, "en", before=2021),
    "audit_events": str(plan.events),
    "audit_se": f"{plan.standard_error:.2f}",
    **{f"truth_{key}": change(1 + growth[name]["true"]) for key, name in zip("abc", WORLDS, strict=True)},
    **{f"registered_{key}": change(1 + growth[name]["registered"]) for key, name in zip("abc", WORLDS, strict=True)},
}
(RESULTS / "paper.json").write_text(json.dumps(numbers, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
dw.figures.save_figure(axes.figure, RESULTS / "bounds.svg")
numbers
