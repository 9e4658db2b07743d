# From what `docker compose config` prints to what `docker stack` accepts: four spellings that no overlay can change.
# The profiles have done their work, and the stack's name is an argument.
/^name:/d
/^    profiles:$/{
  N
  d
}
# A number of processors is a text there, and a port is a number.
s/^( +cpus: )"?([0-9.]+)"?$/\1"\2"/
s/^( +published: )"([0-9]+)"$/\1\2/
