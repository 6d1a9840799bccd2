# Debian's graphite-web as a part of this process: its settings, in a
# directory that takes its database and logs too.

import os
import sys


def setup(directory, whisper, servers, **more):
    for d in (directory + '/log', whisper):
        os.makedirs(d, exist_ok=True)

    settings = {
        'SECRET_KEY': 'of no use to anybody',
        'TIME_ZONE': 'UTC',
        'LOG_ROTATION': False,
        'LOG_CACHE_PERFORMANCE': False,
        'STORAGE_DIR': directory,
        'CONF_DIR': directory,
        'LOG_DIR': directory + '/log',
        'WHISPER_DIR': whisper,
        'STANDARD_DIRS': [] if servers else [whisper],
        'CLUSTER_SERVERS': servers,
        'USE_WORKER_POOL': False,
        'FIND_CACHE_DURATION': 0,
        'DEFAULT_CACHE_DURATION': 0,
        'MEMCACHE_HOSTS': [],
        'CARBONLINK_HOSTS': [],
        'REMOTE_RETRY_DELAY': 0,
        'DATABASES': {'default': {
            'ENGINE': 'django.db.backends.sqlite3',
            'NAME': directory + '/graphite.db',
            'USER': '', 'PASSWORD': '', 'HOST': '', 'PORT': ''}},
    }
    settings.update(more)

    with open(directory + '/torus_settings.py', 'w') as f:
        for name, value in settings.items():
            f.write('%s = %r\n' % (name, value))

    sys.path.insert(0, directory)

    os.environ['DJANGO_SETTINGS_MODULE'] = 'graphite.settings'
    os.environ['GRAPHITE_SETTINGS_MODULE'] = 'torus_settings'
    os.environ['GRAPHITE_STORAGE_DIR'] = directory
    os.environ['GRAPHITE_CONF_DIR'] = directory

    import django
    django.setup()

    from django.core.management import call_command
    call_command('migrate', run_syncdb=True, verbosity=0)
