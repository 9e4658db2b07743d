"""Readings are added up by day, and a batch says when it ended."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "day",
        sa.Column("sensor_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("readings", sa.Integer(), nullable=False),
        sa.Column("lowest", sa.Numeric(precision=12, scale=3), nullable=False),
        sa.Column("highest", sa.Numeric(precision=12, scale=3), nullable=False),
        sa.Column("total", sa.Numeric(precision=18, scale=3), nullable=False),
        sa.Column("mean", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["sensor_id"], ["sensor.id"], name=op.f("fk_day_sensor_id_sensor")),
        sa.PrimaryKeyConstraint("sensor_id", "day", name=op.f("pk_day")),
    )
    with op.batch_alter_table("batch") as batch:
        batch.add_column(sa.Column("finished_at", MOMENT, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("batch") as batch:
        batch.drop_column("finished_at")
    op.drop_table("day")
