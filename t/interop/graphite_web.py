# Debian's graphite-web on loopback, in front of one cluster server.
#
#   graphite_web.py DIR PORT SERVER [WHISPER_DIR]
#
# DIR takes its database, logs and settings.  With WHISPER_DIR it reads
# whisper files and has no cluster server ("-").  Says "ready" when it
# listens, and serves until it is killed.

import os
import socketserver
import sys
import wsgiref.simple_server

directory, port, server = sys.argv[1], int(sys.argv[2]), sys.argv[3]
whisper = sys.argv[4] if len(sys.argv) > 4 else directory + '/whisper'

for d in (directory + '/log', whisper):
    os.makedirs(d, exist_ok=True)

with open(directory + '/torus_settings.py', 'w') as f:
    f.write('''
SECRET_KEY = 'of no use to anybody'
TIME_ZONE = 'UTC'
LOG_ROTATION = False
LOG_CACHE_PERFORMANCE = False
STORAGE_DIR = %r
CONF_DIR = %r
LOG_DIR = %r
WHISPER_DIR = %r
STANDARD_DIRS = %r
CLUSTER_SERVERS = %r
USE_WORKER_POOL = False
FIND_CACHE_DURATION = 0
DEFAULT_CACHE_DURATION = 0
MEMCACHE_HOSTS = []
CARBONLINK_HOSTS = []
REMOTE_RETRY_DELAY = 0
DATABASES = {'default': {
    'ENGINE': 'django.db.backends.sqlite3', 'NAME': %r,
    'USER': '', 'PASSWORD': '', 'HOST': '', 'PORT': ''}}
''' % (directory, directory, directory + '/log', whisper,
       [] if server != '-' else [whisper],
       [server] if server != '-' else [], directory + '/graphite.db'))

sys.path.insert(0, directory)

os.environ['DJANGO_SETTINGS_MODULE'] = 'graphite.settings'
os.environ['GRAPHITE_SETTINGS_MODULE'] = 'torus_settings'
os.environ['GRAPHITE_STORAGE_DIR'] = directory
os.environ['GRAPHITE_CONF_DIR'] = directory

import django                                             # noqa: E402
django.setup()

from django.core.management import call_command           # noqa: E402
call_command('migrate', run_syncdb=True, verbosity=0)

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
