"""The lab's shop: a small site with legacy redirects, cacheable and private pages, and a database behind it.

What else it uses - a second database, a cache, a queue - it knows from its environment; what is not there has no pages.

Faults are switched by files in flags/, which every application host sees.
"""
import os
import socket
import time
import zlib
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.http import HttpResponse, HttpResponsePermanentRedirect, JsonResponse
from django.urls import path, re_path

FLAGS = os.environ.get("SHOP_FLAGS", "/srv/flags")
HOST = socket.gethostname()
LEGACY_MS = float(os.environ.get("SHOP_LEGACY_MS", "25"))
DYNAMIC_MS = float(os.environ.get("SHOP_DYNAMIC_MS", "18"))
PAGE_MS = float(os.environ.get("SHOP_PAGE_MS", "2"))
PRODUCTS = 1000
HOT_QUERIES = 40
FRAGMENT_MS = 4.0
FRAGMENTS = 100
FRAGMENTS_A_PAGE = 8
PUBLIC = "public, max-age=300"
PRIVATE = "private, no-store"


def database(url, **more):
    """Django's settings of a database, from its URL."""
    parts = urlsplit(url)
    engine = {"postgres": "postgresql", "mysql": "mysql"}[parts.scheme]
    return {
        "ENGINE": "django.db.backends." + engine,
        "HOST": parts.hostname,
        "PORT": parts.port,
        "USER": parts.username,
        "PASSWORD": parts.password,
        "NAME": parts.path[1:],
        "CONN_MAX_AGE": 600,
        **more,
    }


DATABASES = {
    "default": database(
        os.environ["SHOP_DATABASE"],
        OPTIONS={"connect_timeout": 3, "application_name": "shop"},
        # A pooler gives each transaction whichever session is free.
        DISABLE_SERVER_SIDE_CURSORS="SHOP_POOLED" in os.environ,
    )
}
if "SHOP_CRM" in os.environ:
    DATABASES["crm"] = database(os.environ["SHOP_CRM"], OPTIONS={"connect_timeout": 3})
CACHED = "SHOP_CACHE" in os.environ
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
if CACHED:
    CACHES["default"] = {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": os.environ["SHOP_CACHE"].split(","),
        "TIMEOUT": 300,
        # The servers see the keys as they are written here.
        "KEY_FUNCTION": lambda key, prefix, version: key,
        # A cache that is gone is a cache that has nothing.
        "OPTIONS": {"connect_timeout": 0.5, "timeout": 0.5, "no_delay": True, "ignore_exc": True},
    }

settings.configure(
    DEBUG=False,
    SECRET_KEY="lab only",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[__name__ + ".marks"],
    DATABASES=DATABASES,
    CACHES=CACHES,
    USE_TZ=True,
)
django.setup()

from django.core.cache import cache  # noqa: E402  (needs settings)
from django.db import connection, connections  # noqa: E402


def flag(name):
    return os.path.exists(os.path.join(FLAGS, name))


if flag("bad-deploy"):
    import shop_payments_v2  # noqa: F401  (the release that forgot to bring it)


def burn(ms):
    """Spends CPU time, not wall time: a busy server takes longer for it, as real work does."""
    end = time.process_time() + ms / 1000.0
    while time.process_time() < end:
        sum(range(200))


def marks(get_response):
    def middleware(request):
        response = get_response(request)
        response["X-App"] = HOST
        if flag("cookie-everywhere"):
            response.set_cookie("visit", "1")
        if flag("vary-everywhere"):
            response["Vary"] = "User-Agent, X-Forwarded-For"
        if response.status_code == 404 and flag("not-found-storm"):
            burn(PAGE_MS)
            response["Cache-Control"] = "no-store"
        return response

    return middleware


def page(text, cache, status=200):
    response = HttpResponse(f"<!doctype html><title>Shop</title><p>{text}</p>", status=status)
    response["Cache-Control"] = cache
    return response


def home(request):
    burn(PAGE_MS)
    return page("Welcome", PUBLIC)


def product(request, number):
    burn(PAGE_MS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM product WHERE id = %s", [number])
        row = cursor.fetchone()
    grown = "." * 20_000 if flag("varnish-small") else ""
    return page(row[0] + grown, PUBLIC) if row else page("Unknown product", PUBLIC, 404)


def order(request, number):
    burn(PAGE_MS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT customer, total FROM orders WHERE id = %s", [number])
        row = cursor.fetchone()
        cursor.execute("SELECT COALESCE(SUM(amount), 0) FROM order_item WHERE order_id = %s", [number])
        pieces = cursor.fetchone()[0]
        if flag("hot-query"):
            # What a template does that walks along objects: a query for each of them.
            for other in range(HOT_QUERIES):
                cursor.execute("SELECT name FROM product WHERE id = %s", [(number + other) % PRODUCTS + 1])
                cursor.fetchone()
    return page(f"Order of {row[0]}, {pieces} pieces", PRIVATE) if row else page("Unknown order", PRIVATE, 404)


def buy(request, number):
    if request.method != "POST":
        return page("To buy, press the button", PRIVATE, 405)
    burn(PAGE_MS)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE product SET sold = sold + 1 WHERE id = %s", [number])
    if "SHOP_BROKER" in os.environ:
        send("mail.confirmation", number)
    return page("Bought", PRIVATE)


def cart(request):
    burn(DYNAMIC_MS)
    response = page("Your cart", PRIVATE)
    response.set_cookie("cart", "1")
    return response


def account(request):
    burn(DYNAMIC_MS)
    if flag("slow-view"):
        time.sleep(3)
    return page("Your account", PRIVATE)


def legacy(request, name):
    """An old URL: it is looked up the slow way, and its answer never changes."""
    burn(LEGACY_MS)
    number = zlib.crc32(name.encode()) % PRODUCTS + 1
    response = HttpResponsePermanentRedirect(f"/product/{number}")
    response["Cache-Control"] = "no-store" if flag("no-redirect-cache") else "public, max-age=86400"
    return response


def cached(key, make):
    """What the cache has under a key, else what `make` gives, which it then has."""
    if flag("cache-unused"):
        return make()
    value = cache.get(key)
    if value is None:
        value = make()
        # Not all at once: what was stored together must not be missing together.
        cache.set(key, value, 240 + zlib.crc32(key.encode()) % 240)
    return value


def fragment(number):
    """A piece of a page, of 1 to 4 kB."""
    burn(FRAGMENT_MS)
    return f"fragment {number} " + "x" * (1000 + number * 37 % 3000)


def frag(request, number):
    """A page that is put together: the menu, the visitor's session, and several pieces."""
    menu = cached("menu:main", lambda: fragment(0))
    session = cached(f"session:{number % 40}", lambda: {"visitor": number % 40})
    pieces = [(number + i) % FRAGMENTS for i in range(FRAGMENTS_A_PAGE)]
    texts = [cached(f"frag:{piece}", lambda piece=piece: fragment(piece)) for piece in pieces]
    return page(f"{len(menu)} {len(session)} {sum(len(text) for text in texts)}", PRIVATE)


def myorder(request, number):
    burn(PAGE_MS)
    with connections["crm"].cursor() as cursor:
        cursor.execute(
            "SELECT i.total, COUNT(*), SUM(p.amount) FROM invoice i JOIN invoice_item p ON p.invoice_id = i.id"
            " WHERE i.id = %s GROUP BY i.id",
            [number],
        )
        row = cursor.fetchone()
    return page(f"Invoice over {row[0]}", PRIVATE) if row else page("Unknown invoice", PRIVATE, 404)


def send(name, *values):
    """Hands a task to the workers. A queue that is gone loses it, and not the visitor."""
    import shoptasks
    from kombu.exceptions import OperationalError

    try:
        shoptasks.app.send_task(name, args=values)
        return True
    except OperationalError:
        return False


def enqueue(request):
    """n tasks: each takes s seconds, or fails, or is one of the shop's own when neither is said."""
    burn(PAGE_MS)
    count = min(1000, int(request.GET.get("n", "1")))
    seconds = request.GET.get("s")
    if request.GET.get("fail"):
        name, values = "payment.capture", (10, True)
    elif seconds is not None:
        name, values = "catalogue.import", (float(seconds),)
    else:
        name, values = "stock.recount", (count,)
    sent = sum(send(name, *values) for _ in range(count))
    return page(f"{sent} sent", PRIVATE, 200 if sent == count else 503)


def cpu(request):
    burn(min(500.0, float(request.GET.get("ms", "20"))))
    return page("Computed", PRIVATE)


def health(request):
    return JsonResponse({"status": "ok", "host": HOST})


urlpatterns = [
    path("", home),
    path("product/<int:number>", product),
    path("order/<int:number>", order),
    path("buy/<int:number>", buy),
    path("cart", cart),
    path("account", account),
    re_path(r"^legacy/(?P<name>[A-Za-z0-9_.-]+)$", legacy),
    path("cpu", cpu),
    path("health", health),
]
if CACHED:
    urlpatterns.append(path("frag/<int:number>", frag))
if "crm" in DATABASES:
    urlpatterns.append(path("myorder/<int:number>", myorder))
if "SHOP_BROKER" in os.environ:
    import shoptasks  # noqa: E402,F401  (before the workers fork)

    urlpatterns.append(path("enqueue", enqueue))

from django.core.wsgi import get_wsgi_application  # noqa: E402

site = get_wsgi_application()


def application(environ, start_response):
    """Django answers its own exceptions; this one is uWSGI's to see."""
    if environ.get("PATH_INFO") == "/cart" and flag("app-errors"):
        raise RuntimeError("the cart's price service changed its answer")
    return site(environ, start_response)
