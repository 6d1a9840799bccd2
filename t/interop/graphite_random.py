# Random requests to graphite-web, within this process and over whisper
# files, and the same ones to us: whole answers have to be equal.
#
#   graphite_random.py DIR HTTP_PORT CARBON_PORT SEED COUNT SECONDS
#
# Writes TAP.  Ends after COUNT requests, or SECONDS where they are not 0.

import collections
import csv
import http.client
import io
import json
import math
import pickle
import re
import signal
import sys
import time
import urllib.parse

from graphite_setup import setup

directory = sys.argv[1]
http_port, carbon_port, seed, count, seconds = map(int, sys.argv[2:7])

setup(directory, directory + '/whisper', [], ENFORCE_INPUT_VALIDATION=True)

from graphite_faults import mend, mend_grammar, excused   # noqa: E402
mend_grammar()

import logging                                            # noqa: E402
logging.disable(logging.CRITICAL)

from django.test import Client                            # noqa: E402
from graphite.util import unpickle as graphite_unpickle   # noqa: E402
import graphite_data as data                              # noqa: E402
from graphite_targets import Generator                    # noqa: E402
from django.conf import settings                          # noqa: E402

NOW = data.NOW
FORM = 'application/x-www-form-urlencoded'


class Ours:
    """Our server, over one connection."""

    def __init__(self, port):
        self.port = port
        self.c = http.client.HTTPConnection('127.0.0.1', port, timeout=60)

    def ask(self, method, uri, args):
        query = urllib.parse.urlencode(args)

        for again in True, False:
            try:
                if method == 'GET':
                    self.c.request('GET', uri + '?' + query)
                else:
                    self.c.request('POST', uri, query,
                                   {'Content-Type': FORM})
                r = self.c.getresponse()
                return r.status, r.read()
            except (http.client.HTTPException, OSError):
                self.c.close()
                if not again:
                    raise


class Theirs:
    """Graphite-web, in this process; where it never ends it has failed."""

    def __init__(self):
        self.c = Client(raise_request_exception=False)
        signal.signal(signal.SIGALRM, self.late)

    @staticmethod
    def late(number, frame):
        raise TimeoutError('graphite-web does not end')

    def ask(self, method, uri, args):
        query = urllib.parse.urlencode(args)

        signal.setitimer(signal.ITIMER_REAL, 3)

        try:
            if method == 'GET':
                r = self.c.get(uri + '?' + query)
            else:
                r = self.c.post(uri, query, content_type=FORM)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

        return r.status_code, r.content


# Answers

Series = collections.namedtuple('Series', 'name times values more')


def number(text):
    return None if text in ('None', '') else float(text)


def of_json(body):
    return [Series(str(s['target']), [p[1] for p in s['datapoints']],
                   [p[0] for p in s['datapoints']], s['tags'])
            for s in json.loads(body)]


def of_raw(body):
    out = []

    for line in body.decode().split('\n')[:-1]:
        head, values = line.rsplit('|', 1)
        name, start, end, step = head.rsplit(',', 3)
        out.append(Series(name, [int(start), int(end), int(step)],
                          [number(v) for v in values.split(',')], None))

    return out


def of_csv(body):
    out = []

    for name, when, value in csv.reader(io.StringIO(body.decode(),
                                                    newline='')):
        out.append(Series(name, [when], [number(value)], None))

    return out


class Plain(pickle.Unpickler):
    def find_class(self, module, name):
        raise pickle.UnpicklingError('a class')


def of_pickle(body):
    return [Series(str(s['name']), [s['start'], s['end'], s['step']],
                   s['values'], s['pathExpression'])
            for s in Plain(io.BytesIO(body)).load()]


READ = {'json': of_json, 'raw': of_raw, 'csv': of_csv, 'pickle': of_pickle}


def finite(v):
    return None if v is None or not math.isfinite(v) else v


def of_find(body, format):
    """What both have, in an order that is not by chance."""

    if format == 'pickle':
        # theirs has intervals of a class of its own
        nodes = graphite_unpickle.loads(body)
        return sorted((n['path'], n['is_leaf'], 'intervals' in n)
                      for n in nodes)

    data = json.loads(body)

    if format == 'json':
        return sorted((n['path'], n['is_leaf'], 'intervals' in n)
                      for n in data)

    if format == 'completer':
        return sorted(tuple(sorted(n.items())) for n in data['metrics'])

    if format == 'treejson':
        return [{k: v for k, v in n.items() if k != 'context'} for n in data]

    return data


def differ_find(theirs, ours, format):
    s1, b1 = theirs
    s2, b2 = ours

    if s2 >= 500 or s2 == 0:
        return 'status %d of ours' % s2

    if s1 == 500:
        return None

    if s1 != s2:
        return 'status %d theirs, %d ours: %s' \
            % (s1, s2, (b1 if s1 != 200 else b2)[:200])

    if s1 == 200:
        t, o = of_find(b1, format), of_find(b2, format)
        if t != o:
            return 'found theirs: %r\n       ours: %r' % (t, o)

    return None


def differ(theirs, ours, format):
    """None, or the first difference."""

    s1, b1 = theirs
    s2, b2 = ours

    if s2 >= 500 or s2 == 0:
        return 'status %d of ours' % s2

    # theirs failed: anything sound is right
    if s1 == 500:
        return None

    if s1 != s2:
        return 'status %d theirs, %d ours: %s' \
            % (s1, s2, (b1 if s1 != 200 else b2)[:200].decode('utf-8',
                                                              'replace'))

    if s1 != 200:
        return None

    t, o = READ[format](b1), READ[format](b2)

    # csv has a series for each value
    if len(t) != len(o) and {s.name for s in t} == {s.name for s in o}:
        return '%d values theirs, %d ours' % (len(t), len(o))

    if [s.name for s in t] != [s.name for s in o]:
        return 'names theirs: %r\n       ours: %r' \
            % (list(dict.fromkeys(s.name for s in t)),
               list(dict.fromkeys(s.name for s in o)))

    for x, y in zip(t, o):
        if x.times != y.times:
            return '%s: times %r theirs, %r ours' \
                % (x.name, edges(x.times), edges(y.times))

        if x.more != y.more:
            return '%s: %r theirs, %r ours' % (x.name, x.more, y.more)

        for i, (v, w) in enumerate(zip(x.values, y.values)):
            if format == 'json' and v is not None:
                v = finite(v)
            if v is None or w is None or v != v:
                if v is w or (v != v and (w is None or w != w)):
                    continue
            elif v == w or abs(v - w) <= 1e-9 * max(1, abs(v)):
                continue
            return '%s point %d: %r theirs, %r ours' % (x.name, i, v, w)

        if len(x.values) != len(y.values):
            return '%s: %d values theirs, %d ours' \
                % (x.name, len(x.values), len(y.values))

    return None


def edges(times):
    if len(times) < 4:
        return times
    return times[:2] + ['..'] + times[-1:] + ['%d points' % len(times)]


# TAP

tests = failed = 0


def ok(good, what, why=''):
    global tests, failed

    tests += 1
    failed += not good
    print('%sok %d - %s' % ('' if good else 'not ', tests,
                            what.replace('#', '\\#').replace('\n', '\\n')))
    if not good:
        for line in why.split('\n'):
            print('# ' + line)

    sys.stdout.flush()


def fill(ours):
    points, names, mixed = data.series(seed)
    data.to_whisper(directory + '/whisper', points)
    data.to_carbon(carbon_port, points)

    # what is last is what was sent last
    end = time.monotonic() + 30
    name, last = list(points.items())[-1]

    while time.monotonic() < end:
        s, body = ours.ask('GET', '/render', [
            ('target', name), ('from', last[-1][0] - 1200), ('until', NOW)])
        if any(p[0] is not None for x in json.loads(body)
               for p in x['datapoints']):
            break
        time.sleep(0.02)

    ok(time.monotonic() < end, 'the data is there')

    return names, mixed


def names_alike(theirs, ours):
    t = theirs.ask('GET', '/metrics/index.json', [])
    o = ours.ask('GET', '/metrics/index.json', [])

    ok(t[0] == o[0] == 200 and json.loads(t[1]) == json.loads(o[1]),
       'the same names', '%r theirs, %r ours' % (t, o))


def main():
    ours, theirs = Ours(http_port), Theirs()
    names, mixed = fill(ours)
    functions = json.loads(ours.ask('GET', '/functions', [])[1])

    mend()
    names_alike(theirs, ours)

    statuses = collections.Counter()
    used = collections.Counter()
    called = collections.Counter()
    until = time.monotonic() + seconds
    i = 0

    print('# seed %d' % seed)

    while time.monotonic() < until if seconds else i < count:
        g = Generator(seed * 1000003 + i, functions, names, mixed)
        kind = g.r.random()
        uri, args = '/render', []

        if kind < 0.75:
            args = g.request(NOW)
        elif kind < 0.88:
            uri, args = g.find()
        else:
            args = g.line()

        i += 1
        a, b, why = compare(g.r.choice(['GET', 'POST']), uri, args, theirs,
                            ours)
        statuses[a, b] += 1
        called.update(re.findall(r'(\w+)\(', args[0][1])
                      if uri == '/render' else [])

        if why is not None:
            reason = excused(uri, args, why)
            if reason is not None:
                used[reason] += 1
                why = None

        ok(why is None, '%d: %s %s' % (seed * 1000003 + i - 1, uri,
                                       text(args)), why or '')

    for (a, b), n in sorted(statuses.items()):
        print('# %d theirs, %d ours: %d' % (a, b, n))
    for reason, n in used.most_common():
        print('# excused %d: %s' % (n, reason))

    never = [n for n in g.functions if not called[n]]
    ok(not never or i < 1000, 'each function was in a target',
       ' '.join(never))
    print('1..%d' % tests)


def compare(method, uri, args, theirs, ours):
    timed = args + [('now', str(NOW))]
    t = theirs.ask(method, uri, timed)
    o = ours.ask(method, uri, timed)

    # by default they only log what is wrong with an argument, and go on;
    # what they still refuse may be something else
    if t[0] == 400 and o[0] == 200:
        settings.ENFORCE_INPUT_VALIDATION = False
        t = theirs.ask(method, uri, timed)
        settings.ENFORCE_INPUT_VALIDATION = True

    format = dict(args).get('format', 'treejson')

    try:
        why = differ(t, o, format) if uri == '/render' else \
            differ_find(t, o, 'expand' if 'expand' in uri else format)
    except (ValueError, KeyError, pickle.UnpicklingError) as e:
        why = '%s: %r theirs, %r ours' % (e, t[1][:300], o[1][:300])

    return t[0], o[0], why


def text(args):
    return ' & '.join('%s=%s' % a for a in args)


if __name__ == '__main__':
    main()
