"""``barometer bench``: figures on this machine, each next to something to compare it with."""
