# Random series, the same to whisper files and to a Carbon listener.
#
# Minutes lie 10,000 steps back, those below "m" have other steps, those below
# "r" two intervals: a day of minutes, ten days of five.

import os
import random
import socket

import whisper

NOW = 1700000000

STEPS = {'m.two': [(120, 10000)], 'm.five': [(300, 10000)],
         'm.ten': [(600, 10000)], 'm.odd': [(90, 10000)],
         'r': [(60, 1440), (300, 2880)]}
MINUTE = [(60, 10000)]


def archives(name):
    for prefix, steps in STEPS.items():
        if name.startswith(prefix + '.'):
            return steps
    return MINUTE


def walk(r, n):
    v = r.randrange(100)
    out = []
    for i in range(n):
        v += r.choice([-1, 0, 0.5, 1, 1, 2])
        out.append(v)
    return out


def holes(r, values, share):
    return [None if r.random() < share else v for v in values]


KINDS = {
    'flat': lambda r, n: [7] * n,
    'zero': lambda r, n: [0] * n,
    'neg0': lambda r, n: [r.choice(['-0.0', '0.0', '-0', 0])
                          for _ in range(n)],
    'neg': lambda r, n: [-r.randrange(1, 500) / 4 for _ in range(n)],
    'up': lambda r, n: [i * 3 for i in range(n)],
    'wrap': lambda r, n: [i * 29 % 250 for i in range(n)],
    'gaps': lambda r, n: holes(r, walk(r, n), 0.4),
    'rare': lambda r, n: holes(r, walk(r, n), 0.93),
    'tail': lambda r, n: walk(r, n - 5) + [None] * 5,
    'late': lambda r, n: [None] * (n - 20) + walk(r, 20),
    'one': lambda r, n: [None] * (n - 7) + [r.randrange(9)] + [None] * 6,
    'a': walk,
    'b': lambda r, n: holes(r, [r.random() * 100 for _ in range(n)], 0.1),
    'c': lambda r, n: [r.choice([1, 2, 2, 3, 5]) for _ in range(n)],
    'tiny': lambda r, n: [r.random() * 1e-7 for _ in range(n)],
    'big': lambda r, n: [r.randrange(10 ** 15) for _ in range(n)],
    'huge': lambda r, n: holes(r, [r.choice(['1e200', '-1e200', '1.5e308',
                                             3, '1e-300', '5e-324'])
                                   for _ in range(n)], 0.1),
}


def series(seed):
    """{name: [(time, text)]}, oldest first, and the names of mixed steps."""

    r = random.Random(seed)
    kinds = {'s.' + k: k for k in KINDS if k != 'huge'}
    kinds['h.huge'] = 'huge'

    for host in 'web1', 'web2', 'web10', 'db1':
        for what in 'cpu.user', 'cpu.sys', 'mem':
            if r.random() < 0.85:
                kinds['srv.%s.%s' % (host, what)] = r.choice('abc')

    kinds['srv.web1.cpu.user'] = kinds['srv.db1.cpu.user'] = 'b'

    for name in ('odd.\u00fc', 'odd.a-b', 'odd.x:y', 'odd.123', 'odd.p%',
                 'odd.A', 'odd.a+b', 'odd.x@y', 'odd.#', 'odd.$'):
        if r.random() < 0.6:
            kinds[name] = r.choice('abc')

    mixed = {}

    for what in 'two', 'five', 'ten', 'odd':
        for x in 'xy':
            mixed['m.%s.%s' % (what, x)] = r.choice(['a', 'b', 'gaps'])

    mixed['r.a'], mixed['r.b'] = 'a', 'gaps'

    kinds.update((name, 'c') for name in tree(r))
    data = {}

    for name, kind in list(kinds.items()) + list(mixed.items()):
        step, steps = archives(name)[0]
        n = 200 if step == 60 else 60
        n = 25 if name.startswith('t.') else n
        last = NOW - NOW % step - step * r.choice([0, 0, 0, 0, 1, 3])
        values = KINDS[kind](r, n)
        points = [(last - step * (n - 1 - i) + r.randrange(step), str(v))
                  for i, v in enumerate(values) if v is not None]

        # and some that only the second interval still has
        if name.startswith('r.'):
            points = [(NOW - 600 * 1000 + 400 * i, str(i))
                      for i in range(1200) if r.random() < 0.8] + points

        data[name] = [p for p in points if p[0] <= NOW]

    return data, sorted(kinds), sorted(mixed)


def tree(r):
    """Names for /metrics/find: leaves that are branches too, among them."""

    nodes = ['a', 'b', 'ab', 'abc', 'ba', 'B', 'a1', 'a2', 'a10', 'x-y',
             'x_y', '1', '10', 'caf\u00e9', 'a+b', 'c#', '%41', 'q~', '@',
             'foo', 'bar', 'cpu0', 'cpu1']
    names = {'t.' + '.'.join(r.choice(nodes)
                             for _ in range(r.choice([1, 2, 2, 3, 3, 4])))
             for _ in range(40)}

    return sorted(names)


def to_whisper(directory, data):
    for name, points in data.items():
        path = directory + '/' + name.replace('.', '/') + '.wsp'
        os.makedirs(os.path.dirname(path), exist_ok=True)
        whisper.create(path, archives(name), xFilesFactor=0,
                       aggregationMethod='last')

        if points:
            whisper.update_many(path, [(t, float(v)) for t, v in points])

        os.utime(path, (NOW, NOW))


def to_carbon(port, data):
    lines = ''.join('%s %s %d\n' % (name, v, t)
                    for name, points in data.items() for t, v in points)

    with socket.create_connection(('127.0.0.1', port)) as s:
        s.sendall(lines.encode())
        s.shutdown(socket.SHUT_WR)
        while s.recv(65536):
            pass


def schema(host):
    """The schema file of the same steps."""

    schemas = []

    for i, (prefix, steps) in enumerate(list(STEPS.items())
                                        + [('**', MINUTE)]):
        schemas.append({
            'name': 'n%d' % i, 'type': 'gauge', 'host': host, 'final': True,
            'match': prefix if prefix == '**' else prefix + '.*',
            'intervals': [{'name': 'i%d' % step, 'step': step, 'steps': n}
                          for step, n in steps]})

    return {'TIMESERIES': schemas}
