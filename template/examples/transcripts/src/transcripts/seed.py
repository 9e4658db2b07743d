"""Hands the example's own transcripts in: ``python -m transcripts.seed``. Again does it again."""

from importlib.resources import files

from transcripts import tasks, textfile

CHANNEL = "harbour"


def main() -> str:
    """Returns the job."""
    found = sorted(files("transcripts").joinpath("seeds").iterdir(), key=lambda file: file.name)
    return tasks.submit(CHANNEL, [textfile.parse(file.name, file.read_bytes()) for file in found])


if __name__ == "__main__":
    print(f"channel {CHANNEL}: job {main()}")
