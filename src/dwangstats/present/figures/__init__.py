"""One figure per question; each takes finished frames and returns the Axes it drew on."""
