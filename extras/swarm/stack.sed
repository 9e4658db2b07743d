# Turns what `docker compose config` prints into what `docker stack` accepts: four spellings that no overlay can change.
# The profiles have already been applied, and the stack's name is an argument.
/^name:/d
/^    profiles:$/{
  N
  d
}
# `docker stack` wants the number of processors as a text, and a port as a number.
s/^( +cpus: )"?([0-9.]+)"?$/\1"\2"/
s/^( +published: )"([0-9]+)"$/\1\2/
