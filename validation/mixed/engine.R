# Reference fits of count models with random effects, with nothing of the package in them.
#
# fit_laplace: glmmTMB, then Newton steps on the gradient that TMB differentiates automatically, until the step is
#   below 1e-10; standard errors from the Hessian over all parameters (Richardson differences of that gradient).
# fit_exact: one random intercept, marginal likelihood by adaptive Gauss-Hermite quadrature written out here with R's
#   own densities, maximised by Newton steps.
# Both report on the scale of the package: beta, standard deviations, correlations, alpha.

suppressMessages({
  library(lme4)
  library(glmmTMB)
})
Sys.setlocale("LC_COLLATE", "C")
options(warn = 1)

NODES <- 61
NEWTON_LIMIT <- 1e-10

tmb_family <- function(family) {
  switch(family, poisson = poisson(), nb2 = nbinom2(), nb1 = nbinom1())
}

# R's name of a coefficient, "formrestraint", in the words of formulaic: "form[T.restraint]".
our_names <- function(names, data, contrasts) {
  one <- function(part) {
    for (factor in contrasts) {
      level <- sub(paste0("^", factor), "", part)
      if (level != part && level %in% as.character(data[[factor]])) return(sprintf("%s[T.%s]", factor, level))
    }
    part
  }
  vapply(strsplit(names, ":", fixed = TRUE), function(parts) {
    if (identical(parts, "(Intercept)")) "Intercept" else paste(vapply(parts, one, ""), collapse = ":")
  }, "")
}

factors_of <- function(data) names(data)[vapply(data, function(x) is.character(x) || is.factor(x), TRUE)]

# R names a nested term "location:provider" where it was written (1 | provider/location), and "provider:location" where
# that was written. Here the provider always comes first, and the label of a group is "p01/p01-1".
inverted <- function(group) {
  parts <- strsplit(group, ":", fixed = TRUE)[[1]]
  length(parts) == 2 && parts[2] == "provider"
}
our_group <- function(group) {
  parts <- strsplit(group, ":", fixed = TRUE)[[1]]
  paste(if (inverted(group)) rev(parts) else parts, collapse = ":")
}
our_labels <- function(group, labels) {
  parts <- strsplit(labels, ":", fixed = TRUE)
  vapply(parts, function(p) paste(if (inverted(group)) rev(p) else p, collapse = "/"), "")
}
effect_key <- function(group, effect) if (effect == "(Intercept)") group else sprintf("%s[%s]", group, effect)

named <- function(values, names) {
  stopifnot(length(values) == length(names), !anyDuplicated(names))
  setNames(as.list(unname(values)), names)
}

coefficients_json <- function(estimate, se, names) {
  named(Map(function(e, s) list(estimate = unname(e), se = unname(s)), estimate, se), names)
}

# Newton on TMB's exact gradient; the Hessian is the Jacobian of that gradient. The optimiser stops close to the
# maximum, so the Hessian made there serves for all steps, and a new one is made at the end.
polish <- function(object, par) {
  slope <- function(p) as.vector(object$gr(p))
  curvature <- function(p) {
    hessian <- numDeriv::jacobian(slope, p)
    (hessian + t(hessian)) / 2
  }
  hessian <- curvature(par)
  for (step in 1:30) {
    move <- -solve(hessian, slope(par))
    par <- par + move
    if (max(abs(move)) < NEWTON_LIMIT) break
  }
  hessian <- curvature(par)
  move <- -solve(hessian, slope(par))
  value <- object$fn(par)
  list(par = par, loglik = -value, hessian = hessian, newton = max(abs(move)),
       eigen = min(eigen(hessian, symmetric = TRUE, only.values = TRUE)$values))
}

fit_laplace <- function(formula, family, data, zero = ~0) {
  fit <- suppressWarnings(glmmTMB(formula, data = data, family = tmb_family(family), ziformula = zero))
  object <- fit$obj
  best <- polish(object, fit$fit$par)
  report_tmb(fit, object, best, data, family)
}

report_tmb <- function(fit, object, best, data, family) {
  covariance <- solve(best$hessian)
  se <- sqrt(diag(covariance))
  kind <- names(best$par)
  joint <- object$env$last.par
  lists <- object$env$parList(best$par, joint)
  curvature <- as.matrix(object$env$spHess(joint, random = TRUE))
  conditional <- sqrt(diag(solve(curvature)))
  random <- report_random(fit, best$par[kind == "theta"], se[kind == "theta"], lists$b, conditional)
  frame_factors <- factors_of(data)
  result <- list(
    n_obs = nobs(fit), n_parameters = length(best$par), loglik = unname(best$loglik),
    fixed = coefficients_json(best$par[kind == "beta"], se[kind == "beta"],
                              our_names(names(fixef(fit)$cond), data, frame_factors)),
    random_sd = random$sd, log_sd_se = random$log_sd_se, random_correlation = random$correlation,
    modes = random$modes, newton_step = best$newton, smallest_eigenvalue = best$eigen)
  if (any(kind == "betad")) {
    sign <- if (family == "nb2") -1 else 1
    alpha <- unname(exp(sign * best$par[kind == "betad"]))
    result$alpha <- list(estimate = alpha, se = unname(alpha * se[kind == "betad"]))
  }
  if (any(kind == "betazi")) {
    result$zero_coefficients <- coefficients_json(best$par[kind == "betazi"], se[kind == "betazi"],
                                                  our_names(names(fixef(fit)$zi), data, frame_factors))
  }
  result
}

# Walk through the terms in TMB's order: theta per term, b per term with the effects of a group together.
report_random <- function(fit, theta, theta_se, b, conditional) {
  structure <- fit$modelInfo$reStruc$condReStruc
  terms <- fit$modelInfo$reTrms$cond
  flist <- terms$flist
  assign <- attr(flist, "assign")
  out <- list(sd = list(), log_sd_se = list(), correlation = list(), modes = list())
  t0 <- 0
  b0 <- 0
  for (i in seq_along(structure)) {
    q <- structure[[i]]$blockSize
    groups <- structure[[i]]$blockReps
    r_group <- names(flist)[assign[i]]
    group <- our_group(r_group)
    keys <- vapply(terms$cnms[[i]], function(effect) effect_key(group, effect), "")
    for (j in seq_len(q)) {
      out$sd[[keys[j]]] <- unname(exp(theta[t0 + j]))
      out$log_sd_se[[keys[j]]] <- unname(theta_se[t0 + j])
    }
    if (structure[[i]]$blockNumTheta > q) {
      stopifnot(q == 2)
      slant <- theta[t0 + 3]
      rho <- unname(slant / sqrt(1 + slant^2))
      # atanh(rho) = asinh(slant), so its standard error is that of slant over sqrt(1 + slant^2).
      out$correlation[[keys[2]]] <- list(estimate = rho, atanh_se = unname(theta_se[t0 + 3] / sqrt(1 + slant^2)))
    }
    labels <- our_labels(r_group, levels(flist[[assign[i]]]))
    for (j in seq_len(q)) {
      place <- b0 + j + q * (seq_len(groups) - 1)
      out$modes[[keys[j]]] <- coefficients_modes(b[place], conditional[place], labels)
    }
    t0 <- t0 + structure[[i]]$blockNumTheta
    b0 <- b0 + q * groups
  }
  out
}

coefficients_modes <- function(mode, sd, labels) {
  list(group = I(unname(labels)), mode = I(unname(mode)), sd = I(unname(sd)))
}

# ---- exact: one scalar random intercept -------------------------------------------------------------------------

# Nodes and weights of Gauss-Hermite quadrature for exp(-x^2), from the Jacobi matrix (Golub and Welsch 1969).
gauss_hermite <- function(n) {
  jacobi <- matrix(0, n, n)
  jacobi[cbind(1:(n - 1), 2:n)] <- jacobi[cbind(2:n, 1:(n - 1))] <- sqrt(1:(n - 1) / 2)
  spectrum <- eigen(jacobi, symmetric = TRUE)
  list(x = spectrum$values, logw = log(spectrum$vectors[1, ]^2 * sqrt(pi)))
}

log_density <- function(family, y, eta, alpha, zeta) {
  mu <- exp(eta)
  f <- switch(family,
    poisson = dpois(y, mu, log = TRUE),
    nb2 = dnbinom(y, size = 1 / alpha, mu = mu, log = TRUE),
    nb1 = dnbinom(y, size = mu / alpha, mu = mu, log = TRUE))
  if (is.null(zeta)) return(f)
  inside <- plogis(zeta, lower.tail = FALSE, log.p = TRUE)
  ifelse(y == 0, plogis(zeta, log.p = TRUE) + log1p(exp(inside + f - plogis(zeta, log.p = TRUE))), inside + f)
}

sum_by <- function(x, g, groups) rowsum(x, factor(g, levels = seq_len(groups)))

# Modes u (standard normal scale) by damped Newton steps on five-point differences in eta.
standard_modes <- function(density, eta, sd, g, groups) {
  u <- rep(0, groups)
  value <- function(u) as.vector(sum_by(density(eta + sd * u[g]), g, groups)) - u^2 / 2
  for (iteration in 1:200) {
    e <- eta + sd * u[g]
    h <- 1e-3
    f <- lapply(c(-2, -1, 0, 1, 2), function(k) density(e + k * h))
    d1 <- (f[[1]] - 8 * f[[2]] + 8 * f[[4]] - f[[5]]) / (12 * h)
    d2 <- (-f[[1]] + 16 * f[[2]] - 30 * f[[3]] + 16 * f[[4]] - f[[5]]) / (12 * h^2)
    slope <- as.vector(sum_by(sd * d1, g, groups)) - u
    curve <- 1 - as.vector(sum_by(sd^2 * d2, g, groups))
    move <- slope / pmax(curve, 1)
    before <- value(u)
    for (half in 1:30) {
      worse <- value(u + move) < before - 1e-9
      if (!any(worse)) break
      move[worse] <- move[worse] / 2
    }
    u <- u + move
    if (max(abs(move)) < 1e-11) break
  }
  list(u = u, curvature = curve)
}

marginal <- function(density, eta, sd, g, groups, rule) {
  at <- standard_modes(density, eta, sd, g, groups)
  scale <- sqrt(2 / pmax(at$curvature, 1e-8))
  terms <- vapply(seq_along(rule$x), function(k) {
    u <- at$u + scale * rule$x[k]
    as.vector(sum_by(density(eta + sd * u[g]), g, groups)) - u^2 / 2 + rule$logw[k] + rule$x[k]^2
  }, numeric(groups))
  top <- apply(terms, 1, max)
  sum(top + log(rowSums(exp(terms - top))) + log(scale) - log(2 * pi) / 2)
}

fit_exact <- function(X, y, offset, g, labels, family, start, zero_X = NULL) {
  groups <- length(labels)
  k <- ncol(X)
  dispersed <- family != "poisson"
  rule <- gauss_hermite(NODES)
  split <- function(p) {
    zeta <- if (is.null(zero_X)) NULL else as.vector(zero_X %*% p[-seq_len(k + 1 + dispersed)])
    alpha <- if (dispersed) exp(p[k + 2]) else 0
    list(eta = as.vector(X %*% p[1:k]) + offset, sd = exp(p[k + 1]), alpha = alpha, zeta = zeta,
         density = function(eta) log_density(family, y, eta, alpha, zeta))
  }
  loglik <- function(p, with = rule) {
    s <- split(p)
    marginal(s$density, s$eta, s$sd, g, groups, with)
  }
  p <- start
  hessian <- numDeriv::hessian(loglik, p)
  for (step in 1:30) {
    move <- -solve(hessian, numDeriv::grad(loglik, p))
    p <- p + move
    if (max(abs(move)) < 1e-8) break
  }
  hessian <- numDeriv::hessian(loglik, p)
  move <- -solve(hessian, numDeriv::grad(loglik, p))
  s <- split(p)
  at <- standard_modes(s$density, s$eta, s$sd, g, groups)
  se <- sqrt(diag(solve(-hessian)))
  list(par = p, se = se, loglik = loglik(p), more = loglik(p, gauss_hermite(2 * NODES + 1)), newton = max(abs(move)),
       eigen = min(eigen(-hessian, symmetric = TRUE, only.values = TRUE)$values),
       mode = s$sd * at$u, sd = s$sd / sqrt(at$curvature), alpha = s$alpha)
}

# The exact fit of "fixed + (1 | group)", begun at the Laplace fit of glmmTMB.
exact_cell <- function(formula, family, data, zero = ~0) {
  near <- suppressWarnings(glmmTMB(formula, data = data, family = tmb_family(family), ziformula = zero))
  X <- getME(near, "X")
  zero_X <- if (identical(deparse(zero), "~0")) NULL else getME(near, "Xzi")
  flist <- near$modelInfo$reTrms$cond$flist
  stopifnot(length(near$modelInfo$reTrms$cond$cnms) == 1, identical(near$modelInfo$reTrms$cond$cnms[[1]], "(Intercept)"))
  g <- as.integer(flist[[1]])
  offset <- model.offset(model.frame(near))
  par <- near$fit$par
  kind <- names(par)
  sign <- if (family == "nb2") -1 else 1
  start <- unname(c(par[kind == "beta"], par[kind == "theta"], sign * par[kind == "betad"], par[kind == "betazi"]))
  fit <- fit_exact(X, model.response(model.frame(near)), if (is.null(offset)) 0 * g else offset, g,
                   levels(flist[[1]]), family, start, zero_X)
  k <- ncol(X)
  group <- our_group(names(flist)[1])
  frame_factors <- factors_of(data)
  result <- list(
    n_obs = length(g), n_parameters = length(start), loglik = fit$loglik,
    fixed = coefficients_json(fit$par[1:k], fit$se[1:k], our_names(colnames(X), data, frame_factors)),
    random_sd = named(exp(fit$par[k + 1]), group), log_sd_se = named(fit$se[k + 1], group),
    random_correlation = list(), modes = named(list(coefficients_modes(fit$mode, fit$sd, levels(flist[[1]]))), group),
    newton_step = fit$newton, smallest_eigenvalue = fit$eigen,
    loglik_with_twice_the_nodes = fit$more)
  if (family != "poisson") result$alpha <- list(estimate = fit$alpha, se = fit$alpha * fit$se[k + 2])
  if (!is.null(zero_X)) {
    place <- seq_along(start) > k + 1 + (family != "poisson")
    result$zero_coefficients <- coefficients_json(fit$par[place], fit$se[place],
                                                  our_names(colnames(zero_X), data, frame_factors))
  }
  result
}

# ---- writing ----------------------------------------------------------------------------------------------------

versions <- function() {
  of <- function(package) as.character(packageVersion(package))
  packages <- c("lme4", "glmmTMB", "TMB", "Matrix", "MASS", "numDeriv", "jsonlite")
  c(list(R = as.character(getRversion())), named(vapply(packages, of, ""), packages))
}

sha256 <- function(file) digest::digest(file = file, algo = "sha256")

write_reference <- function(document, file) {
  text <- jsonlite::toJSON(document, digits = I(15), auto_unbox = TRUE, pretty = 1, null = "null", na = "null")
  # One coefficient per line and one vector per line: a reference is read by people too.
  text <- gsub("\\[\\s+", "[", gsub("\\s+\\]", "]", text))
  writeLines(text, file, useBytes = TRUE)
}
