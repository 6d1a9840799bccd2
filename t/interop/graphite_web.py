# Debian's graphite-web on loopback, in front of one cluster server.
#
#   graphite_web.py DIR PORT SERVER [WHISPER_DIR]
#
# DIR takes its database, logs and settings.  With WHISPER_DIR it reads
# whisper files and has no cluster server ("-").  Says "ready" when it
# listens, and serves until it is killed.

import socketserver
import sys
import wsgiref.simple_server

from graphite_setup import setup

directory, port, server = sys.argv[1], int(sys.argv[2]), sys.argv[3]
whisper = sys.argv[4] if len(sys.argv) > 4 else directory + '/whisper'

setup(directory, whisper, [server] if server != '-' else [])

from django.core.wsgi import get_wsgi_application         # noqa: E402


class Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class Handler(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *args):
        pass

    def address_string(self):
        return self.client_address[0]


httpd = wsgiref.simple_server.make_server(
    '127.0.0.1', port, get_wsgi_application(), Server, Handler)

print('ready', flush=True)
httpd.serve_forever()
