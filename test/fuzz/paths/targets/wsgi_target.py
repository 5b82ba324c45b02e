"""A WSGI application with a secret at /admin and below. Arguments: server (wsgiref, gunicorn or waitress) and port."""
import sys
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server


def application(environ, start_response):
    segments = [segment for segment in environ["PATH_INFO"].split("/") if segment != ""]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"SECRET\n" if segments[:1] == ["admin"] else b"open\n"]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


class Roomy(WSGIServer):
    # With Python's 5 the kernel drops most of the connections that come at once, and their clients try again after a second.
    request_queue_size = 128


if __name__ == "__main__":
    server, port = sys.argv[1], int(sys.argv[2])
    if server == "wsgiref":
        make_server("127.0.0.1", port, application, server_class=Roomy, handler_class=Quiet).serve_forever()
    elif server == "waitress":
        from waitress import serve

        serve(application, listen=f"127.0.0.1:{port}")
    else:
        from gunicorn.app.base import BaseApplication

        class Gunicorn(BaseApplication):
            def load_config(self):
                self.cfg.set("bind", f"127.0.0.1:{port}")
                self.cfg.set("keepalive", 60)
                self.cfg.set("worker_class", "gthread")
                self.cfg.set("threads", 4)

            def load(self):
                return application

        Gunicorn().run()
