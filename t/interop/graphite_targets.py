# Random targets, ranges and requests of /render, by a seed.
#
# Arguments are made by the types that /functions says, so what is new in the
# table is in the targets too; most are right, some are odd, a few are wrong.

import random

# ours alone, by chance or by the clock: nothing to compare with
OURS = {'percentile', 'count', 'mean', 'histogramBuckets', 'rate', 'interval',
        'schema', 'randomWalk', 'randomWalkFunction'}

REGEXES = ['.*', '^s', 'web[12]', '(web|db)(\\d+)', '\\.', '[a-c]$', '^$',
           '(?i)WEB', '(.)\\1', '\\d{1,2}', '[^.]+$', 'x|', '(^.*$)', '\\W',
           '^([a-z]+)\\.(.*)$', '(?P<n>[a-z]+)', '\\bcpu\\b', 'é', ',',
           '\\(', 'a{2}', '.', '(a)?(b)?']
BAD_REGEXES = ['(', '[', '*', 'a**', '(?P<n', '\\']
REPLACES = ['', 'x', '<\\g<0>>', '-', '\\1 A', 'ü', '\\\\', '$1', '&', '\\1']
STRINGS = ['', 'a', 'a b', "it's", 'say \\"', '{a,b}', 'ü', '$h', '%s %d',
           '(', ')', ',', 'a.b', '\\', '\\n', 'red', '|', '#', "a''b",
           '🙂', '1', 'true', 'None', '<b>', '&amp;', '"']
NUMBERS = ['0', '1', '2', '-1', '3', '5', '10', '0.5', '-0.25', '1.5', '100',
           '1e3', '1e-3', '-1e2', '0.0', '-0', '1e15', '123456789', '1e300',
           '3.7', '1000000', '99.9', '0.1', '7', '60', '-2', '1.0', '2.50',
           '1234567.5', '1e100', '-1.5e-7', '00012']
INTERVALS = ['1min', '2min', '5min', '10min', '1h', '90s', '1h30min', '7min',
             '-5min', '-1h', '30s', '1d', '3min', '2minutes', '1hours',
             '+10min', '15min', '1w', '1mon', '100s', '59s', '1y', '-2d',
             '13min', '45min']
BAD_INTERVALS = ['', 'x', '5', '0s', 'min', '5 min', '1.5h', '-', '5fortnight',
                 '5min-3s', '-0min', '10', '5M', '1hh']

# what leaves points as they are, and what does not
SHOWN = ['alias', 'aliasByNode', 'aliasByMetric', 'aliasByTags', 'aliasSub',
         'sortBy', 'sortByName', 'sortByTotal', 'sortByMaxima', 'sortByMinima',
         'group', 'removeEmptySeries', 'consolidateBy', 'cumulative', 'color',
         'dashed', 'lineWidth', 'secondYAxis', 'limit', 'grep', 'exclude',
         'unique', 'highestMax', 'lowestAverage', 'legendValue', 'stacked',
         'fallbackSeries']
CHANGES = ['scale', 'offset', 'delay', 'timeShift', 'timeStack', 'derivative',
           'keepLastValue', 'transformNull', 'absolute', 'interpolate',
           'integral', 'movingAverage', 'movingSum', 'summarize', 'hitcount',
           'removeAboveValue', 'removeBelowPercentile', 'isNonNull', 'invert',
           'sumSeries', 'groupByNode', 'asPercent', 'divideSeries', 'round',
           'stacked', 'squareRoot', 'changed']


class Generator:

    def __init__(self, seed, functions, names, mixed):
        self.r = random.Random(seed)
        self.names = [n for n in names if not n.startswith('t.')]
        self.tree = [n for n in names if n.startswith('t.')]
        self.mixed = mixed
        self.functions = {n: f for n, f in functions.items()
                          if n not in OURS}
        self.order = sorted(self.functions)

        # those that make a series of no other one are leaves
        self.leaves = [n for n in self.order
                       if not self.takes_series(self.functions[n])]
        self.nodes = [n for n in self.order if n not in self.leaves]

    @staticmethod
    def takes_series(f):
        return any(p['type'] == 'seriesList' for p in f['params'])

    def chance(self, p):
        return self.r.random() < p

    # Expressions

    def target(self):
        r = self.r
        depth = r.choice([0, 1, 1, 1, 2, 2, 2, 3, 3, 4])
        target = self.expression(depth)

        if self.chance(0.03):
            target = self.template(depth)

        if self.chance(0.01):
            target = self.damage(target)

        return target

    def expression(self, depth):
        if depth == 0 or self.chance(0.05):
            return self.path()

        if self.chance(0.04):
            return self.call(self.r.choice(self.leaves), depth)

        return self.call(self.r.choice(self.nodes), depth)

    def template(self, depth):
        value = self.r.choice(['web1', 'db1', 's', 'a', '*', '{web1,db1}'])
        path = self.r.choice(['srv.$h.cpu.user', 's.$h', '$h.*', 's.a',
                              'srv.$h.*.*', 'srv.w$h.mem'])
        name = 'h'
        inner = path

        if depth and self.chance(0.7):
            f = self.r.choice(self.nodes)
            inner = self.call(f, 1, first=path)

        if self.chance(0.3):
            inner = inner.replace('$h', '$1')
            return 'template(%s,"%s")' % (inner, value)

        return 'template(%s,%s="%s")' % (inner, name, value)

    def damage(self, target):
        i = self.r.randrange(len(target) + 1)
        what = self.r.randrange(3)

        if what == 0:
            return target[:i] + target[i + 1:]

        c = self.r.choice('(),."\'{}|\\ =[]*$\u00e9')
        return target[:i] + c + target[i + (what == 1):]

    def space(self):
        return ' ' if self.chance(0.06) else ''

    def call(self, name, depth, first=None):
        args = []
        named = False

        for p in self.functions[name]['params']:
            n = 1

            if not p.get('required') and not self.chance(0.5):
                if p.get('multiple') or self.chance(0.6):
                    break
                named = True
                continue

            if p.get('multiple'):
                n = self.r.choice([1, 1, 1, 2, 2, 3])

            for i in range(n):
                arg = first if first is not None and not args else \
                    self.argument(name, p, depth)

                if not p.get('multiple') and args \
                   and (named or self.chance(0.05)):
                    named = True
                    arg = p['name'] + self.space() + '=' + self.space() + arg
                elif named:
                    break

                args.append(arg)

        if self.chance(0.01) and args:
            args.pop(self.r.randrange(len(args)))

        if self.chance(0.01):
            args.append(self.r.choice(['1', '"x"', 's.a', 'None']))

        if args and self.chance(0.12) and '=' not in args[0][:12]:
            return '%s%s|%s%s(%s)' % (args[0], self.space(), self.space(),
                                      name, self.join(args[1:]))

        return '%s(%s)' % (name, self.join(args))

    def join(self, args):
        text = ''

        for i, a in enumerate(args):
            text += self.space() + (',' if i else '') + self.space() + a

        return text + self.space()

    # Arguments

    def argument(self, name, p, depth):
        r = self.r

        if p['type'] != 'seriesList' and self.chance(0.015):
            return r.choice(['None', 'inf', 's.a', '"x"', '1', '-1', '1.5',
                             'true', '""', 'no.such'])

        if p['type'] == 'seriesList' and self.chance(0.004):
            return r.choice(['None', '1', '"x"', 'true'])

        if p.get('options') and p['type'] != 'aggFunc':
            return self.quoted(r.choice(p['options']))

        return getattr(self, 'a_' + p['type'])(name, p, depth)

    def quoted(self, s):
        if "'" in s or ('"' not in s and self.chance(0.7)):
            return '"' + s + '"'
        return "'" + s + "'"

    def a_seriesList(self, name, p, depth):
        return self.expression(depth - 1)

    def a_node(self, name, p, depth):
        return self.r.choice(['0', '1', '1', '2', '2', '3', '-1', '-2', '7'])

    def a_nodeOrTag(self, name, p, depth):
        if self.chance(0.12):
            return self.r.choice(['"name"', '"no"', '"aggregatedBy"',
                                  '"scale"', '"1"', '""'])
        return self.a_node(name, p, depth)

    def a_tag(self, name, p, depth):
        return self.r.choice(['"name"', '"no"', '"aggregatedBy"', '"round"'])

    def a_integer(self, name, p, depth):
        if name in ('time', 'timeFunction'):
            return self.r.choice(['60', '30', '300', '7', '3600'])
        if name == 'timeStack':
            return self.r.choice(['0', '1', '2', '3'])
        return self.r.choice(['0', '1', '2', '3', '1', '2', '5', '-1', '-3',
                              '20', '1000', '10'])

    def a_intOrInf(self, name, p, depth):
        return self.r.choice(['inf', '0', '1', '2', '3', '5', '-1', '100',
                              'INF', '"inf"'])

    def a_float(self, name, p, depth):
        if p['name'] == 'xFilesFactor':
            return self.r.choice(['0', '0.5', '1', '0.25', '0.9', '0.1'])
        if p['name'] == 'n' and 'ercentile' in name:
            return self.r.choice(['50', '95', '99', '99.9', '0', '100', '1',
                                  '25', '0.5', '-5', '33.3'])
        return self.r.choice(NUMBERS)

    def a_string(self, name, p, depth):
        if p['name'] in ('pattern', 'search'):
            return self.quoted(self.r.choice(
                BAD_REGEXES if self.chance(0.03) else REGEXES))
        if p['name'] == 'replace':
            return self.quoted(self.r.choice(REPLACES))
        if p['name'] == 'alignTo':
            return self.quoted(self.r.choice(
                ['seconds', 'minutes', 'hours', 'days', 'weeks', 'months',
                 'years', 'day', 'h', '1h', 'weeks3', 'x', '']))
        return self.quoted(self.r.choice(STRINGS))

    def a_boolean(self, name, p, depth):
        return self.r.choice(['true', 'false', 'True', 'FALSE', '"true"',
                              '0', '1', '"False"'])

    def a_interval(self, name, p, depth):
        if name in ('timeStack', 'timeShift'):
            return self.quoted(self.r.choice(['10min', '1h', '-30min', '7min',
                                              '90s', '1d', '-60s', '0s']))
        if self.chance(0.03):
            return self.quoted(self.r.choice(BAD_INTERVALS))
        return self.quoted(self.r.choice(INTERVALS))

    def a_intOrInterval(self, name, p, depth):
        if self.chance(0.5):
            return self.r.choice(['1', '2', '3', '5', '10', '7', '0', '-2'])
        if self.chance(0.03):
            return self.quoted(self.r.choice(BAD_INTERVALS))
        return self.quoted(self.r.choice(['1min', '5min', '10min', '3min',
                                          '90s', '1h', '-5min', '30s',
                                          '2min', '7min']))

    def a_aggFunc(self, name, p, depth):
        f = self.r.choice(p['options'])

        if self.chance(0.1):
            f += 'Series'
        if self.chance(0.01):
            f = self.r.choice(['', 'x', 'AVERAGE', 'first', 'avg '])

        return self.quoted(f)

    def a_any(self, name, p, depth):
        what = self.r.random()

        if what < 0.4:
            return self.expression(max(0, depth - 1))
        if what < 0.5:
            return 'None'
        if what < 0.55:
            return self.quoted(self.r.choice(STRINGS))
        return self.r.choice(NUMBERS)

    # Paths

    def path(self):
        r = self.r

        if self.chance(0.03):
            return r.choice(['no.such', 'no.*', 's', 'srv', '*', 'srv.web1',
                             's.{no,none}', '123.abc', 'S.A', 's.a.b'])

        pool = self.mixed if self.chance(0.12) else self.names
        name = r.choice(pool)
        nodes = name.split('.')

        if self.chance(0.45):
            return name

        # mostly the last ones, so that there are not too many series
        for i in range(len(nodes)):
            if self.chance(0.15 if i == 0 else 0.5):
                nodes[i] = self.glob(nodes[i], pool, i)

        return '.'.join(nodes)

    def glob(self, node, pool, i):
        r = self.r
        what = r.randrange(9)
        others = sorted({n.split('.')[i] for n in pool
                         if n.count('.') >= i})

        if what < 2:
            return '*'
        if what == 2:
            return node[:1] + '*'
        if what == 3:
            k = r.randrange(len(node))
            return node[:k] + '?' + node[k + 1:]
        if what == 4:
            k = r.randrange(len(node))
            return node[:k] + r.choice(['[a-z]', '[!x]', '[0-9]', '[abcn]',
                                        '[%s]' % node[k], '[a-cg-z1]']) \
                + node[k + 1:]
        if what in (5, 6):
            return '{%s}' % ','.join(
                r.choice(others) for _ in range(r.choice([1, 2, 2, 3])))
        if what == 7:
            k = r.randrange(len(node) + 1)
            return '%s{%s,%s}' % (node[:k], node[k:] or node,
                                  r.choice(others)) if node[k:] else '*'
        return '*' + node[-1:]

    # /metrics/find, /metrics/expand

    def query(self):
        r = self.r

        if self.chance(0.04):
            return r.choice(['', '*', '**', 'no', 't', 't.*', '*.*', 'no.*',
                             '[a', 't.{a', 't.a]', '.', 't.', '.t', 't..a',
                             't.[!a]*', 't.?', 't.**', '**.a', 't.**.b'])

        pool = self.tree if self.chance(0.7) else self.names
        nodes = r.choice(pool).split('.')
        nodes = nodes[:r.randrange(1, len(nodes) + 1)]

        for i in range(len(nodes)):
            if self.chance(0.15 if i == 0 else 0.5):
                nodes[i] = self.glob(nodes[i], pool, i)
            elif self.chance(0.05):
                nodes[i] = nodes[i][:1] + '{' + nodes[i][1:] + ',}'

        if self.chance(0.15):
            nodes.append('*')

        return '.'.join(nodes)

    def find(self):
        r = self.r

        if self.chance(0.3):
            args = [('query', self.query())
                    for _ in range(r.choice([1, 1, 2, 3]))]
            for name in 'groupByExpr', 'leavesOnly':
                if self.chance(0.3):
                    args.append((name, r.choice(['0', '1'])))
            return '/metrics/expand', args

        args = [('query', self.query())]

        if self.chance(0.9):
            args.append(('format', r.choice(
                ['treejson', 'completer', 'nodelist', 'json', 'pickle'])))
        if self.chance(0.02):
            args.append(('format', r.choice(['', 'x', 'png'])))
        for name in 'wildcards', 'leavesOnly', 'local':
            if self.chance(0.2):
                args.append((name, r.choice(['0', '1', '1', 'x'])
                             if self.chance(0.1) else '1'))
        if self.chance(0.1):
            args.append(('position', r.choice(['0', '1', '-1', '9', 'x'])))
        if self.chance(0.1):
            args += [('from', '-1'), ('until', '-1')]
        elif self.chance(0.1):
            args += [('from', '-%dmin' % r.choice([60, 600])),
                     ('until', 'now')]

        return '/metrics/find', args

    # Times

    def at(self):
        r = self.r
        what = r.randrange(14)

        if what == 0:
            return str(r.choice([1700000000, 1699999999, 1500000000, 0, 86400,
                                 20231131, 99999999, 19000101, 20231301,
                                 1234567890, 20230229]))
        if what == 1:
            return r.choice(['', 'now', ' ', 'today', 'yesterday', 'tomorrow',
                             'NOW', 'noonyesterday', 'x', '-', '+', '1',
                             'teatime today', 'midnight_tomorrow'])
        if what == 13:
            return ''.join(r.choice('now0123456789-+:/dhmsyap_ ,')
                           for _ in range(r.randrange(1, 9)))

        text = r.choice([self.clock, self.day, self.now, self.clock_day])()

        if self.chance(0.5):
            text += self.span()
        if self.chance(0.1):
            text = text.upper()
        if self.chance(0.15):
            i = r.randrange(len(text) + 1)
            text = text[:i] + r.choice([' ', '_', ',']) + text[i:]

        return text

    def now(self):
        return self.r.choice(['', 'now'])

    def clock(self):
        r = self.r
        h, m = r.randrange(24), r.randrange(60)

        return r.choice(['%02d:%02d' % (h, m), '%d:%02d' % (h, m),
                         '%d:%02dam' % (h % 12 + 1, m), 'noon', 'midnight',
                         '%d:%02dpm' % (h % 12 + 1, m), 'teatime',
                         '%dam' % (h % 12 + 1), '%dpm' % (h % 12 + 1)])

    def clock_day(self):
        return self.clock() + self.r.choice(['', '_', ' ']) + self.day()

    def day(self):
        r = self.r
        y, m, d = r.choice([1999, 2022, 2023, 2024]), r.randrange(1, 13), \
            r.randrange(1, 32)

        return r.choice([
            'today', 'yesterday', 'tomorrow',
            '%02d/%02d/%02d' % (m, d, y % 100),
            '%d/%d/%d' % (m, d, y), '%04d%02d%02d' % (y, m, d),
            r.choice(['january', 'feb', 'mar', 'april', 'may', 'june', 'jul',
                      'aug', 'sept', 'oct', 'nov', 'december'])
            + r.choice(['', ' ']) + str(d),
            r.choice(['sunday', 'mon', 'tue', 'wednesday', 'thu', 'fri',
                      'saturday'])])

    def span(self):
        r = self.r
        text = r.choice('+--')

        for _ in range(r.choice([1, 1, 1, 2, 3])):
            text += str(r.choice([0, 1, 2, 5, 10, 30, 100])) + r.choice(
                ['s', 'sec', 'seconds', 'min', 'minutes', 'h', 'hours', 'd',
                 'days', 'w', 'week', 'mon', 'months', 'y', 'years'])

        return text

    def line(self):
        """A line from one time to the other shows what both are."""

        args = [('target', 'constantLine(1)'), ('format', 'raw')]

        if self.chance(0.9):
            args.append(('from', self.at()))
        if self.chance(0.7):
            args.append(('until', self.at()))
        if self.chance(0.4):
            args.append(('tz', self.r.choice(
                ['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'UTC',
                 'Australia/Lord_Howe', 'Pacific/Apia', 'No/Where', ''])))

        return args

    # Requests

    def time(self, now):
        r = self.r
        n = r.choice([5, 10, 17, 30, 60, 60, 90, 120, 180])
        at = now - n * 60
        what = r.randrange(12)

        if what < 5:
            return str(at - r.choice([0, 0, 0, 1, 20, 37, 59]))
        if what < 8:
            return '-%dmin' % n
        if what == 8:
            return '-%ds' % (n * 60 + r.randrange(60))
        if what == 9:
            return 'now-%dminutes' % n
        if what == 10:
            t = at % 86400
            return '%02d:%02d_20231114' % (t // 3600, t % 3600 // 60)
        return '-1h%dmin' % n

    def range(self, now):
        r = self.r
        what = r.random()
        args = [('from', self.time(now))]

        if what < 0.38:
            args.append(('until', 'now'))
        elif what < 0.74:
            args.append(('until', self.time(now)))
        elif what < 0.76:
            args = [('from', str(now - r.randrange(86400, 500000))),
                    ('until', str(now - r.randrange(3600, 500000)))]
        elif what < 0.77:
            args = [('from', '-%dd' % r.choice([1, 2, 3, 6])),
                    ('until', '-%dh' % r.choice([1, 2, 30]))]

        return args

    # Many series, as they are in Redis but for their names and their order,
    # beside others that are made of the same ones

    def wide(self):
        paths = [self.wide_path() for _ in range(self.r.choice([1, 1, 2, 3]))]

        return [('target', self.wide_target(paths))
                for _ in range(self.r.choice([1, 1, 2, 3, 4, 6]))]

    def wide_path(self):
        r = self.r

        if self.chance(0.3):
            return r.choice(self.names + self.mixed)

        return r.choice(['s.*', 's.*', 'srv.*.*', 'srv.*.*.*', '*.*', '*.*.*',
                         'm.*.*', 'r.*', '{s,odd}.*', 's.[a-m]*', 's.*e*',
                         '{srv,m}.*.*', 't.*.*', 's.{up,a,up,b}', 's.?'])

    def wide_target(self, paths):
        r = self.r
        target = r.choice(paths)

        if self.chance(0.25):
            target = 'group(%s)' % ','.join(r.choice(paths)
                                            for _ in range(r.choice([2, 3])))

        for _ in range(r.choice([0, 1, 1, 2, 3])):
            if self.chance(0.25):
                target = self.call(r.choice(CHANGES), 1, first=target)
            else:
                target = self.call(r.choice(SHOWN), 1, first=target)

        return target

    def wide_range(self, now):
        if self.chance(0.6):
            return self.range(now)

        # also beyond what is written ahead: 1,024 points a series
        return [('from', '-%dmin' % self.r.choice([200, 600, 1000, 1023, 1024,
                                                   1025, 1100, 3000]))]

    def request(self, now):
        r = self.r

        if self.chance(0.12):
            args = self.wide() + self.wide_range(now)
        else:
            args = [('target', self.target())
                    for _ in range(r.choice([1] * 8 + [2, 2, 3]))] \
                + self.range(now)

        what = r.random()
        format = 'json' if what < 0.76 else 'raw' if what < 0.86 \
            else 'csv' if what < 0.92 else 'pickle'
        args.append(('format', format))

        if self.chance(0.3):
            args.append(('maxDataPoints', str(r.choice(
                [1, 2, 3, 5, 7, 10, 13, 20, 50, 59, 60, 61, 100, 1000, 0]))))
        if self.chance(0.05):
            args.append(('noNullPoints', '1'))
        if self.chance(0.08):
            args.append(('xFilesFactor', r.choice(['0', '0.5', '1', '0.3'])))
        if self.chance(0.08):
            # no clock there may show a time that is still to come
            args.append(('tz', r.choice(['Europe/Berlin', 'Asia/Kolkata',
                                         'UTC', 'No/Where'])))
        if self.chance(0.03):
            args.append(('template[h]', r.choice(['web2', 'b', '*'])))

        return args
