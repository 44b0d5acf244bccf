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
# # What is registration, and what is real?
#
# The same three worlds as in the first notebook, now with an audit: at half of the providers about a thousand events
# were looked up in case files, irrespective of registration, and it was seen which of them the register has. At the
# end the truth is opened.

# %%
from pathlib import Path

import pandas as pd

import dwangstats as dw

ROOT = next(p for p in [Path.cwd(), *Path.cwd().parents] if (p / "pyproject.toml").exists())
WORLDS = ("registration-only", "mixed", "real-only")
YEARS = ["2021-H1", "2021-H2", "2023-H1", "2023-H2"]


# %% [markdown]
# ## 1. A panel of the two compared years, and the audit of all forms together


# %%
def register(world: str) -> tuple[dw.Panel, pd.DataFrame]:
    """Counts of the providers that delivered everything, and what the audit found at them."""
    tables = dw.read_tables(ROOT / "data" / "synthetic" / world)
    panel = dw.build_panel(tables, by="half-year", law="WVGGZ")
    panel = panel.restrict(dw.complete_deliverers(panel)).for_form("all").during(YEARS)
    found = tables.audits[tables.audits["provider_id"].isin(panel.providers) & tables.audits["period"].isin(YEARS)]
    return panel, found.groupby(["provider_id", "period"], as_index=False)[["n_found", "n_registered"]].sum()


def model(panel: dw.Panel, evidence: list) -> dw.RegistrationModel:
    """One rate and one completeness per year, and a level of its own for every provider in both."""
    formula = "C(year) + (1 | provider)"
    return dw.RegistrationModel(
        rate=f"events ~ {formula}", registration=f"~ {formula}", panel=panel, family="nb2", evidence=evidence
    )


panel, audit = register("mixed")
audit[["n_found", "n_registered"]].sum()

# %% [markdown]
# ## 2. Without evidence there is no answer, and that is said

# %%
alone = model(panel, []).fit()
try:
    dw.rate_ratio(alone, "year", before=2021, after=2023, scale="adjusted")
except dw.IdentificationError as refusal:
    print(refusal)

# %% [markdown]
# What remains is a band: for every completeness in 2021 from 70 % on, if registration did not get worse.

# %%
registered = dw.rate_ratio(alone, "year", before=2021, after=2023)
dw.bounds(rate_ratio=registered, completeness_before=(0.7, 1.0), monotone=True)

# %% [markdown]
# ## 3. What a prior would imply, before anything is fitted
# Two quantiles in; the completeness and the real ratio that they imply out.

# %%
print(dw.elicit(0.57, 0.95, rate_ratio=registered.estimate))

# %% [markdown]
# ## 4. With the audit
# The ledger says where the information on completeness comes from.

# %%
found = model(panel, [dw.Audit(audit)]).fit()
found.identification.ledger

# %%
print(dw.rate_ratio(found, "year", before=2021, after=2023, scale="adjusted"))
dw.completeness(found, by="year")

# %%
dw.under_registration(found, by="year", rng=1).table

# %% [markdown]
# The change in parts that add up to it. This is accounting, not causation.

# %%
print(dw.decompose_change(found, before=2021, after=2023, rng=1))

# %% [markdown]
# ## 5. What hangs on what was assumed

# %%
dw.sensitivity(found, "year", before=2021, after=2023, over={"rho": [-0.5, 0.0, 0.5]})

# %% [markdown]
# ## 6. The truth of the three worlds
# All three show nearly the same registered rise, and the register alone says the same of each. The audit tells the
# world in which everything is real from the one in which nothing is. Between "nothing" and "one tenth" it cannot
# decide at this size, and its intervals say so.

# %%
rows = []
for world in WORLDS:
    panel, audit = register(world)
    fit = model(panel, [dw.Audit(audit)]).fit()
    truth = pd.read_csv(ROOT / "data" / "synthetic" / world / "truth.csv")
    truth = truth[truth["provider_id"].isin(panel.providers)].assign(year=truth["period"].str[:4].astype(int))
    events = truth.groupby("year")["true_events"].sum()
    days = panel.observed.groupby("year")["bed_days"].sum()
    adjusted = dw.rate_ratio(fit, "year", before=2021, after=2023, scale="adjusted")
    rows.append(
        {
            "world": world,
            "registered": dw.rate_ratio(fit, "year", before=2021, after=2023).estimate,
            "adjusted": adjusted.estimate,
            "lower": adjusted.lower,
            "upper": adjusted.upper,
            "what happened": (events[2023] / days[2023]) / (events[2021] / days[2021]),
        }
    )
table = pd.DataFrame(rows).set_index("world").round(2)
table
