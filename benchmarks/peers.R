# One fit by glmmTMB or lme4, timed inside R without reading the data: Rscript peers.R TOOL FAMILY FORMULA FILE.csv
arguments <- commandArgs(trailingOnly = TRUE)
tool <- arguments[1]
family <- arguments[2]
formula <- as.formula(arguments[3])
data <- read.csv(arguments[4], colClasses = c(provider = "factor", location = "factor", period = "factor"))
suppressMessages(library(if (tool == "lme4") "lme4" else "glmmTMB", character.only = TRUE))
start <- proc.time()[["elapsed"]]
if (tool == "lme4") {
  fit <- glmer(formula, data = data, family = poisson)
} else {
  fit <- glmmTMB(formula, data = data, family = if (family == "nb2") nbinom2 else poisson)
}
errors <- sqrt(diag(as.matrix(if (tool == "lme4") vcov(fit) else vcov(fit)$cond)))
seconds <- proc.time()[["elapsed"]] - start
cat(sprintf('{"seconds": %.4f, "llf": %.8f, "se": %.8g, "version": "%s"}\n', seconds, as.numeric(logLik(fit)),
            errors[2], as.character(packageVersion(if (tool == "lme4") "lme4" else "glmmTMB"))))
