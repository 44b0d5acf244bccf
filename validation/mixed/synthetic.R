# Reference fits on the panels of the synthetic registers: Rscript synthetic.R  (writes mixed_synthetic.json)
#
# A cell is a panel, a form, a model and a method. "laplace" is glmmTMB polished by Newton steps; "exact" is quadrature
# written out in engine.R; "boundary" is the Laplace fit of the model without the term whose variance is zero, which is
# the same likelihood. Poisson cells without extra zeros are fitted by lme4 too, as a second opinion.

source("engine.R")

OUT <- file.path("..", "..", "tests", "parity", "reference", "mixed_synthetic.json")
SMALLEST_SD <- 0.01
SMALLEST_EIGENVALUE <- 0.02

cell <- function(id, panel, form, family, formula, method = "laplace", quadrature = NULL, zero = NULL, without = NULL) {
  # One random intercept would be fitted by quadrature here too; one node asks for Laplace.
  one_intercept <- grepl("^[^|]*\\(1 \\| [a-z]+\\)$", formula)
  if (method == "laplace" && one_intercept) quadrature <- 1
  list(id = id, panel = panel, form = form, family = family, formula = formula, method = method,
       quadrature = quadrature, zero = zero, without = without)
}

P <- function(register) sprintf("%s_provider.csv", register)
L <- function(register) sprintf("%s_location.csv", register)
S <- function(register) sprintf("%s_silent.csv", register)
R <- "registration-only"; M <- "mixed"; O <- "real-only"

CELLS <- list(
  # one random intercept, Laplace
  cell("ri_laplace_poisson", L(M), "seclusion", "poisson", "events ~ t + setting + (1 | provider)"),
  cell("ri_laplace_nb2", L(M), "seclusion", "nb2", "events ~ t + setting + (1 | provider)"),
  cell("ri_laplace_nb1", L(M), "seclusion", "nb1", "events ~ t + setting + (1 | provider)"),
  # one random intercept, exact; the default number of nodes, or 25
  cell("ri_exact_poisson_default", L(R), "medication", "poisson", "events ~ t + setting + (1 | provider)", "exact"),
  cell("ri_exact_nb2_default", L(R), "restraint", "nb2", "events ~ t + setting + (1 | provider)", "exact"),
  cell("ri_exact_nb1_default", L(R), "seclusion", "nb1", "events ~ t + setting + (1 | provider)", "exact"),
  cell("ri_exact_poisson_25", L(O), "restraint", "poisson", "events ~ t + setting + (1 | provider)", "exact", 25),
  cell("ri_exact_nb2_25_locations", L(M), "restraint", "nb2", "events ~ t + setting + (1 | location)", "exact", 25),
  cell("ri_exact_nb1_25", L(O), "other", "nb1", "events ~ t + setting + (1 | provider)", "exact", 25),
  cell("ri_exact_poisson_locations", L(M), "medication", "poisson", "events ~ t + (1 | location)", "exact", 25),
  cell("ri_exact_nb2_half_years", P(R), "seclusion", "nb2", "events ~ t + (1 | provider)", "exact", 25),
  cell("ri_exact_zip_25", S(M), "restraint", "poisson", "events ~ t + setting + (1 | provider)", "exact", 25, zero = "~ 1"),
  # nested
  cell("nested_poisson", L(M), "medication", "poisson", "events ~ t + (1 | provider/location)"),
  cell("nested_nb2", L(R), "medication", "nb2", "events ~ t + (1 | provider/location)"),
  cell("nested_nb1", L(O), "medication", "nb1", "events ~ t + (1 | provider/location)"),
  cell("nested_forms_poisson", P(M), "all", "poisson", "events ~ t + form + (1 | provider/form)"),
  cell("nested_forms_nb2", P(R), "all", "nb2", "events ~ t + form + (1 | provider/form)"),
  cell("nested_forms_nb1", P(O), "all", "nb1", "events ~ t + form + (1 | provider/form)"),
  # slopes
  cell("slope_poisson", L(M), "medication", "poisson", "events ~ t + setting + (t | provider)"),
  cell("slope_nb2", L(R), "seclusion", "nb2", "events ~ t + setting + (t | provider)"),
  cell("slope_nb1", L(O), "restraint", "nb1", "events ~ t + setting + (t | provider)"),
  cell("slope_nb2_locking_in", L(M), "other_locking_in", "nb2", "events ~ t + setting + (t | provider)"),
  cell("slope_poisson_half_years", P(M), "medication", "poisson", "events ~ t + (t | provider)"),
  cell("slope_poisson_interaction", P(O), "all", "poisson", "events ~ t * form + (t | provider)"),
  cell("uncorrelated_poisson", L(M), "seclusion", "poisson", "events ~ t + setting + (t || provider)"),
  cell("uncorrelated_nb2", L(O), "other_locking_in", "nb2", "events ~ t + setting + (t || provider)"),
  cell("uncorrelated_nb1", L(R), "other_locking_in", "nb1", "events ~ t + setting + (t || provider)"),
  # crossed
  cell("crossed_poisson", L(M), "other", "poisson", "events ~ t + setting + (1 | provider) + (1 | period)"),
  cell("crossed_nb1", L(M), "other", "nb1", "events ~ t + setting + (1 | provider) + (1 | period)"),
  cell("crossed_poisson_half_years", P(O), "other", "poisson", "events ~ t + (1 | provider) + (1 | period)"),
  cell("crossed_forms_nb2", P(R), "all", "nb2", "events ~ t + (1 | provider) + (1 | form)"),
  cell("crossed_nested_forms_poisson", P(M), "all", "poisson", "events ~ t + form + (1 | provider/form) + (1 | period)"),
  # slope, nested and crossed together
  cell("combined_poisson", L(M), "medication", "poisson",
       "events ~ t + (t || provider) + (1 | provider:location) + (1 | period)"),
  cell("combined_nb2", L(R), "medication", "nb2",
       "events ~ t + (t || provider) + (1 | provider:location) + (1 | period)"),
  cell("combined_forms_poisson", P(O), "all", "poisson",
       "events ~ t + form + (t | provider) + (1 | provider:form) + (1 | period)"),
  cell("combined_forms_nb1", P(M), "all", "nb1",
       "events ~ t + form + (t || provider) + (1 | provider:form) + (1 | period)"),
  # extra zeros
  cell("zip_ri", S(M), "seclusion", "poisson", "events ~ t + setting + (1 | provider)", zero = "~ 1"),
  cell("zip_trend", S(R), "medication", "poisson", "events ~ t + setting + (1 | provider)", zero = "~ t"),
  cell("zinb2_ri", S(M), "other", "nb2", "events ~ t + setting + (1 | provider)", zero = "~ 1"),
  cell("zinb1_ri", S(R), "other", "nb1", "events ~ t + setting + (1 | provider)", zero = "~ 1"),
  cell("zip_slope", S(O), "seclusion", "poisson", "events ~ t + setting + (t | provider)", zero = "~ 1"),
  cell("zip_nested", S(M), "medication", "poisson", "events ~ t + (1 | provider/location)", zero = "~ 1"),
  # a variance of zero
  cell("boundary_crossed_nb2", L(M), "other_locking_in", "nb2", "events ~ t + setting + (1 | provider) + (1 | period)",
       "boundary", without = "(1 | period)"),
  cell("boundary_nested_poisson", L(M), "medication", "poisson", "events ~ t + setting + (1 | provider/location)",
       "boundary", without = "(1 | provider:location)")
)

# lme4's words for the model that is fitted: the exposure as an offset, and two bars as a diagonal.
r_formula <- function(spec, tmb = TRUE) {
  text <- spec$formula
  if (!is.null(spec$without)) {
    text <- sub("(1 | provider/location)", "(1 | provider) + (1 | provider:location)", text, fixed = TRUE)
    text <- sub(paste0(" + ", spec$without), "", text, fixed = TRUE)
  }
  if (tmb) text <- sub("(t || provider)", "diag(t | provider)", text, fixed = TRUE)
  as.formula(paste(text, "+ offset(log(bed_days))"))
}

rows_of <- function(spec) {
  text <- c(provider = "character", location = "character", setting = "character", period = "character",
            form = "character")
  file <- file.path("panels", spec$panel)
  header <- names(read.csv(file, nrows = 1))
  data <- read.csv(file, colClasses = text[names(text) %in% header])
  if (spec$form == "all") data else data[data$form == spec$form, ]
}

# The larger model at its boundary must not be better than the smaller: the likelihood of TMB along the dropped sd.
gain_of_dropped_term <- function(spec, data, smaller) {
  larger <- spec
  larger$without <- NULL
  fit <- suppressWarnings(glmmTMB(r_formula(larger), data = data, family = tmb_family(spec$family)))
  -fit$fit$objective - smaller
}

second_opinion <- function(spec, data) {
  nodes <- if (spec$method == "exact") 25 else 1
  control <- glmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 1e5), tolPwrss = 1e-12,
                          check.conv.singular = "ignore")
  fit <- suppressWarnings(suppressMessages(
    glmer(r_formula(spec, tmb = FALSE), data = data, family = poisson, nAGQ = nodes, control = control)))
  saturated <- if (nodes > 1) sum(dpois(data$events, data$events, log = TRUE)) else 0
  about <- as.data.frame(VarCorr(fit))
  kept <- is.na(about$var2)
  # A term that stands apart from another of the same group is called provider.1, and beside it provider.location.
  groups <- vapply(gsub(".", ":", sub("\\.[0-9]+$", "", about$grp[kept]), fixed = TRUE), our_group, "")
  list(software = "lme4", nodes = nodes, loglik = as.numeric(logLik(fit)) + saturated,
       fixed = coefficients_json(fixef(fit), sqrt(diag(vcov(fit, use.hessian = TRUE))),
                                 our_names(names(fixef(fit)), data, factors_of(data))),
       random_sd = named(about$sdcor[kept], mapply(effect_key, groups, about$var1[kept])))
}

run <- function(spec) {
  data <- rows_of(spec)
  zero <- if (is.null(spec$zero)) ~0 else as.formula(spec$zero)
  fitter <- if (spec$method == "exact") exact_cell else fit_laplace
  result <- fitter(r_formula(spec), spec$family, data, zero)
  sds <- unlist(result$random_sd)
  if (result$newton_step > 1e-7 || result$smallest_eigenvalue < SMALLEST_EIGENVALUE || any(sds < SMALLEST_SD)) {
    cat(sprintf("%s is not identified on these data: sd %s, smallest eigenvalue %.3g, last Newton step %.3g\n", spec$id,
                paste(signif(sds, 3), collapse = " "), result$smallest_eigenvalue, result$newton_step))
    return(NULL)
  }
  if (spec$method == "boundary") {
    result$gain_of_dropped_term <- gain_of_dropped_term(spec, data, result$loglik)
    stopifnot(result$gain_of_dropped_term < 1e-6)
  }
  if (spec$family == "poisson" && is.null(spec$zero)) result$second_opinion <- second_opinion(spec, data)
  cat(sprintf("%-32s n %4d  loglik %.6f  sd %s\n", spec$id, result$n_obs, result$loglik,
              paste(sprintf("%.4f", sds), collapse = " ")))
  keep <- spec[c("id", "panel", "form", "family", "formula", "method", "quadrature", "zero", "without")]
  c(keep[!vapply(keep, is.null, TRUE)], result)
}

wanted <- commandArgs(trailingOnly = TRUE)
chosen <- if (length(wanted)) Filter(function(spec) spec$id %in% wanted, CELLS) else CELLS
fits <- lapply(chosen, run)
absent <- vapply(fits, is.null, TRUE)
if (any(absent)) stop(sum(absent), " cells are not identified: give them other rows, or put them among the boundary cells")
document <- list(
  what = "count models with random effects on the synthetic registers of this project, fitted with R",
  remake = "sh validation/mixed/remake.sh",
  scripts = named(lapply(c("engine.R", "synthetic.R"), sha256), c("engine.R", "synthetic.R")),
  software = versions(),
  panels = named(lapply(sort(list.files("panels")), function(f) sha256(file.path("panels", f))),
                 sort(list.files("panels"))),
  fits = fits)
write_reference(document, if (length(wanted)) file.path(tempdir(), "chosen.json") else OUT)
