"""The lab's tasks: what the shop leaves to its workers.

A task fails when it is told to, or while the flag `tasks-fail` is there; it takes longer while `tasks-slow` is.
"""
import os
import time
from urllib.parse import urlsplit

from celery import Celery
from celery.utils.log import get_task_logger

FLAGS = os.environ.get("SHOP_FLAGS", "/srv/flags")
DATABASE = os.environ.get("SHOP_DATABASE")
SLOW_S = 0.5

app = Celery("shop", broker=os.environ["SHOP_BROKER"], set_as_current=False)
app.conf.update(
    task_ignore_result=True,
    task_acks_late=False,
    # Who sends a task is a visitor's request: it may not hang on a broker that is gone.
    task_publish_retry=False,
    broker_transport_options={"socket_connect_timeout": 2, "socket_timeout": 10},
    timezone="UTC",
)
logger = get_task_logger(__name__)
connection = None


class Refused(Exception):
    """What a task that is told to fail fails with."""


def flag(name):
    return os.path.exists(os.path.join(FLAGS, name))


def trouble(what):
    if flag("tasks-slow"):
        time.sleep(SLOW_S)
    if flag("tasks-fail"):
        raise Refused(f"{what}: the other side refused it")


def cursor():
    """A cursor on the shop's database; each process of the pool keeps one connection."""
    global connection
    if connection is None or connection.closed:
        import psycopg2

        url = urlsplit(DATABASE)
        connection = psycopg2.connect(
            host=url.hostname,
            port=url.port,
            user=url.username,
            password=url.password,
            dbname=url.path[1:],
            connect_timeout=3,
            application_name="shop-tasks",
        )
        connection.autocommit = True
    return connection.cursor()


@app.task(name="mail.confirmation")
def confirmation(product):
    """A mail for something that was bought."""
    trouble("mail.confirmation")
    time.sleep(0.02)


@app.task(name="stock.recount")
def recount(product):
    """Counts what was sold of a product, where there is a database."""
    trouble("stock.recount")
    if DATABASE is None:
        return
    with cursor() as rows:
        rows.execute("SELECT count(*), sum(amount) FROM order_item WHERE order_id = %s", [product])
        rows.fetchone()


@app.task(name="payment.capture")
def capture(amount, fail=False):
    """Takes money from somewhere else, which may say no."""
    trouble("payment.capture")
    if fail:
        raise Refused("payment.capture: card declined")
    time.sleep(0.02)


@app.task(name="catalogue.import")
def load(seconds):
    """Work of a known length."""
    time.sleep(min(60.0, float(seconds)))
