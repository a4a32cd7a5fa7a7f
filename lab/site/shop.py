"""The lab's shop: a small site with legacy redirects, cacheable and private pages, and a database behind it.

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

settings.configure(
    DEBUG=False,
    SECRET_KEY="lab only",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[__name__ + ".marks"],
    DATABASES=DATABASES,
    USE_TZ=True,
)
django.setup()

from django.db import connection  # noqa: E402  (needs settings)


def flag(name):
    return os.path.exists(os.path.join(FLAGS, name))


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
    return page(row[0], PUBLIC) if row else page("Unknown product", PUBLIC, 404)


def order(request, number):
    burn(PAGE_MS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT customer, total FROM orders WHERE id = %s", [number])
        row = cursor.fetchone()
    return page(f"Order of {row[0]}", PRIVATE) if row else page("Unknown order", PRIVATE, 404)


def buy(request, number):
    if request.method != "POST":
        return page("To buy, press the button", PRIVATE, 405)
    burn(PAGE_MS)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE product SET sold = sold + 1 WHERE id = %s", [number])
    return page("Bought", PRIVATE)


def cart(request):
    burn(DYNAMIC_MS)
    response = page("Your cart", PRIVATE)
    response.set_cookie("cart", "1")
    return response


def account(request):
    burn(DYNAMIC_MS)
    return page("Your account", PRIVATE)


def legacy(request, name):
    """An old URL: it is looked up the slow way, and its answer never changes."""
    burn(LEGACY_MS)
    number = zlib.crc32(name.encode()) % PRODUCTS + 1
    response = HttpResponsePermanentRedirect(f"/product/{number}")
    response["Cache-Control"] = "no-store" if flag("no-redirect-cache") else "public, max-age=86400"
    return response


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

from django.core.wsgi import get_wsgi_application  # noqa: E402

application = get_wsgi_application()
