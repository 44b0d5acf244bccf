# Reference fits on the textbook sets that R packages carry: Rscript public.R  (writes remade/public.json)
#
# The rows are read from the packages and are not stored. The models add to those of the real-data folder, whose
# numbers are copied by public.py: other families, structures and zero parts, and conditional standard deviations with
# the parameters held fixed.

source("engine.R")

OUT <- file.path("remade", "public.json")
dir.create("remade", showWarnings = FALSE)

epil <- glmmTMB::epil2
epil$subject <- as.character(epil$subject)
owls <- glmmTMB::Owls
owls[] <- lapply(owls, function(x) if (is.factor(x)) as.character(x) else x)
salamanders <- glmmTMB::Salamanders
salamanders$count <- as.integer(salamanders$count)
salamanders$site <- as.character(salamanders$site)
ticks <- lme4::grouseticks
ticks[] <- lapply(ticks, function(x) if (is.factor(x)) as.character(x) else x)
ticks$h100 <- ticks$cHEIGHT / 100

SETS <- list(
  epil = list(data = epil, file = "data/epil/epil2.csv", package = "glmmTMB", exposure = NULL),
  owls = list(data = owls, file = "data/owls/owls.csv", package = "glmmTMB", exposure = "BroodSize"),
  salamanders = list(data = salamanders, file = "data/salamanders/salamanders.csv", package = "glmmTMB",
                     exposure = NULL),
  grouseticks = list(data = ticks, file = "data/grouseticks/grouseticks.csv", package = "lme4", exposure = NULL))

cell <- function(id, set, family, formula, method = "laplace", quadrature = NULL, zero = NULL) {
  list(id = id, set = set, family = family, formula = formula, method = method, quadrature = quadrature, zero = zero)
}

CELLS <- list(
  cell("epil_uncorrelated_poisson", "epil", "poisson", "y ~ Base * trt + Age + Visit + (Visit || subject)"),
  cell("epil_ri_nb1_exact", "epil", "nb1", "y ~ lbase * trt + lage + V4 + (1 | subject)", "exact", 25),
  cell("epil_ri_nb2_no_v4", "epil", "nb2", "y ~ lbase * trt + lage + (1 | subject)", "laplace", 1),
  cell("owls_ri_poisson", "owls", "poisson", "SiblingNegotiation ~ FoodTreatment * SexParent + (1 | Nest)",
       "laplace", 1),
  cell("owls_zip_exact", "owls", "poisson", "SiblingNegotiation ~ FoodTreatment * SexParent + (1 | Nest)", "exact", 25,
       "~ 1"),
  cell("owls_zip_treatment", "owls", "poisson", "SiblingNegotiation ~ FoodTreatment * SexParent + (1 | Nest)",
       "laplace", 1, "~ FoodTreatment"),
  cell("owls_zinb2_treatment", "owls", "nb2", "SiblingNegotiation ~ FoodTreatment * SexParent + (1 | Nest)",
       "laplace", 1, "~ FoodTreatment"),
  cell("owls_nb1_exact", "owls", "nb1", "SiblingNegotiation ~ FoodTreatment * SexParent + (1 | Nest)", "exact", 25),
  cell("sal_nb2_exact", "salamanders", "nb2", "count ~ mined + (1 | site)", "exact", 25),
  cell("sal_crossed_nb2", "salamanders", "nb2", "count ~ mined + (1 | site) + (1 | spp)"),
  cell("sal_crossed_zip", "salamanders", "poisson", "count ~ mined + (1 | site) + (1 | spp)", zero = "~ mined"),
  cell("gt_location_poisson_exact", "grouseticks", "poisson", "TICKS ~ YEAR + (1 | LOCATION)", "exact", 25),
  cell("gt_nested_nb1", "grouseticks", "nb1", "TICKS ~ YEAR + h100 + (1 | LOCATION) + (1 | BROOD)"))

run <- function(spec) {
  set <- SETS[[spec$set]]
  text <- sub("(Visit || subject)", "diag(Visit | subject)", spec$formula, fixed = TRUE)
  if (!is.null(set$exposure)) text <- sprintf("%s + offset(log(%s))", text, set$exposure)
  zero <- if (is.null(spec$zero)) ~0 else as.formula(spec$zero)
  fitter <- if (spec$method == "exact") exact_cell else fit_laplace
  result <- fitter(as.formula(text), spec$family, set$data, zero)
  if (result$newton_step > 1e-7 || result$smallest_eigenvalue < 0.02) stop(spec$id, " is not identified")
  cat(sprintf("%-28s n %4d  loglik %.6f  sd %s\n", spec$id, result$n_obs, result$loglik,
              paste(sprintf("%.4f", unlist(result$random_sd)), collapse = " ")))
  about <- c(spec, list(data_file = set$file, package = set$package, exposure = set$exposure,
                        rows_sha256 = digest::digest(set$data, algo = "sha256")))
  c(about[!vapply(about, is.null, TRUE)], result)
}

write_reference(list(
  scripts = named(lapply(c("engine.R", "public.R"), sha256), c("engine.R", "public.R")),
  software = versions(), fits = lapply(CELLS, run)), OUT)
