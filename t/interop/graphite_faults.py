# Where graphite-web 1.1.8 is wrong, or we differ on purpose.
#
# What can be said as a change of its source is a mend: it holds while the
# rest of an answer is still compared.  The others are excuses: what the
# request looks like, what differs then, and why.

import collections
import importlib
import importlib.util
import inspect
import re
import sys
import textwrap

# a window over nothing but what is before the range is none

NO_POINT = '''    if (len(series) <= %s or series.start + (len(series) - 1) * series.step
        <= epoch(requestContext['startTime'])):
      continue
'''

# as if all files had ever been there

WHOLE = '''data = whisper.fetch(self.fs_path, startTime, endTime, now=now)
    if data is None and endTime < now:
      data = (0, 0, whisper.info(self.fs_path)['archives'][-1]
              ['secondsPerPoint']), []
    if data is None:
      return None
    (start, end, step), values = data
    begin = startTime - startTime % step + step
    if not values:
      start = end = max(begin, endTime - endTime % step + step)
    values = [None] * ((start - begin) // step) + values
    start = min(start, begin)
    return ((start, end, step), values) if start <= endTime else None
'''

# module, function, what is there, what takes its place, why

MENDS = [
    ('render.functions', 'movingWindow',
     'for i in range(windowPoints, len(series)):',
     'for i in range(skip + 1, len(series) + 1):',
     'windows end at the point since 1.1.9'),

    ('render.functions', 'movingWindow',
     'series[i - windowPoints:i]', 'series[max(0, i - windowPoints):i]',
     'where less is fetched than the window has, its end comes in front'),

    ('render.functions', 'movingWindow',
     '    series.tags[tagName] = windowSize\n',
     '    skip = previewSeconds // series.step\n'
     + NO_POINT % 'skip' +
     '    series.tags[tagName] = windowSize\n',
     'a window is as long as the longest step says, for all series'),

    ('render.functions', 'movingWindow',
     'start=series.start + previewSeconds',
     'start=series.start + skip * series.step',
     'windows of no whole number of points are off the grid'),

    ('render.functions', 'exponentialMovingAverage',
     '    series.tags[\'exponentialMovingAverage\'] = windowSize\n',
     NO_POINT % 'windowPoints' +
     '    series.tags[\'exponentialMovingAverage\'] = windowSize\n',
     'a range without a point has a series'),

    ('render.functions', '_nonNegativeDelta',
     '  # ignore values larger than maxValue\n',
     '  if val is None:\n    return None, None\n',
     'a missing value and a maximum fail, until 1.2'),

    ('render.functions', '_summarizeValues',
     '  if newStart is None:\n',
     '  if interval <= 0:\n    raise InputParameterError()\n'
     '  if newStart is None:\n',
     'intervals of nothing never end, until 1.1.9'),

    ('render.functions', 'timeShift',
     '  for shiftedSeries in evaluateTarget('
     'myContext, requestContext[\'args\'][0]):\n',
     '  shifted = evaluateTarget(myContext, requestContext[\'args\'][0])\n'
     '  for series, shiftedSeries in unshifted(seriesList, shifted):\n',
     'all series get the start of the first'),

    ('render.functions', 'timeStack',
     '    for shiftedSeries in evaluateTarget('
     'myContext, requestContext[\'args\'][0]):\n',
     '    shifted = evaluateTarget(myContext, requestContext[\'args\'][0])\n'
     '    for series, shiftedSeries in unshifted(seriesList, shifted):\n',
     'all series get the start of the first'),

    ('render.functions', 'normalize',
     '      return (seriesList,start,end,step)\n',
     '      for s in seriesList:\n'
     '        gap = int((s.start - start) // step)\n'
     '        if gap > 0:\n'
     '          s[:0] = [None] * (gap * (step // s.step))\n'
     '          s.start = start\n'
     '      return (seriesList,start,end,step)\n',
     'points go together by number, though series begin apart'),

    ('render.functions', 'transformNull',
     '    series.extend(values)\n',
     '    values = values[:len(series)]\n'
     '    series.extend(values)\n',
     'a longer reference shifts the values'),

    ('render.functions', 'cactiStyle',
     '  if 0 == len(seriesList):\n', '  if True:\n',
     'what is for drawing passes the series through'),

    ('render.functions', 'legendValue',
     '  system = None\n', '  return seriesList\n',
     'what is for drawing passes the series through'),

    ('render.functions', 'stacked',
     'newValues.append(totalStack[i])', 'newValues.append(series[i])',
     'what is for drawing keeps its values: Grafana stacks'),

    ('render.functions', 'delay',
     'series[:-steps]', 'series[:max(0, len(series) - steps)]',
     'a delay of 0 leaves nothing'),

    # what windows and shifts evaluate a second time

    ('render.evaluator', 'evaluateTokens',
     '      rightMost = tokens.expression.pipedCalls.pop()\n',
     '      import copy\n'
     '      tokens = copy.deepcopy(tokens)\n'
     '      rightMost = tokens.expression.pipedCalls.pop()\n',
     'the second time pipes are gone'),

    ('render.evaluator', 'evaluateTokens',
     '    rawArgs = tokens.call.args or []\n',
     '    rawArgs = list(tokens.call.args or [])\n',
     'the second time what was piped in is there twice'),

    ('render.evaluator', 'evaluateTokens',
     '    if hasattr(func, \'params\'):\n',
     '    requestContext[\'args\'] = rawArgs\n'
     '    requestContext[\'replacements\'] = replacements\n'
     '    if hasattr(func, \'params\'):\n',
     'it is the last named argument, and without what template() set'),

    ('render.evaluator', 'evaluateTarget',
     '      result = evaluateTokens(requestContext, target)\n',
     '      result = evaluateTokens(requestContext, target, replacements)\n',
     'without what template() set'),

    ('render.evaluator', 'evaluateTarget',
     '  pathExpressions = extractPathExpressions(requestContext, targets)\n',
     '  replacements = requestContext.get(\'replacements\')\n'
     '  pathExpressions = extractPathExpressions(requestContext, targets)\n'
     '  requestContext.pop(\'replacements\', None)\n',
     'without what template() set'),

    ('render.evaluator', 'extractPathExpressions',
     '    extractPathExpression(requestContext, target)\n',
     '    extractPathExpression(requestContext, target,'
     ' requestContext.get(\'replacements\'))\n',
     'without what template() set'),

    ('render.evaluator', 'extractPathExpressions',
     '        for a in tokens.call.args:\n',
     '        for a in (list(tokens.call.args)\n'
     '                  + [k.args[0] for k in tokens.call.kwargs]):\n',
     'paths in named arguments are not fetched'),

    ('render.attime', 'parseTimeReference',
     "        if ref[:2] == 'am':\n",
     "        if ref[:2] == 'am':\n            hour = hour % 12\n",
     '12:30am is after midnight'),

    ('render.attime', 'parseTimeReference',
     '            hour = (hour + 12) % 24\n',
     '            hour = hour % 12 + 12\n',
     '12:30pm is after noon'),

    ('render.attime', 'parseTimeReference',
     '        hour = int( ref[:i] )\n        ref = ref[i+2:]\n',
     '        hour = int( ref[:i] ) % 12\n        ref = ref[i+2:]\n',
     '12am is midnight'),

    ('render.attime', 'parseTimeReference',
     '        hour = (int( ref[:i] ) + 12) % 24\n',
     '        hour = int( ref[:i] ) % 12 + 12\n',
     '12pm is noon'),

    ('metrics.views', 'tree_json',
     'unquote_plus(str(node.name))', 'str(node.name)',
     'a name is no value of a form'),

    ('metrics.views', 'find_view',
     'matches.sort(key=lambda node: node.name)',
     'matches.sort(key=lambda node: (node.name, node.is_leaf))',
     'a branch stands for a leaf of its name, so that an editor goes on'),

    ('readers.whisper', 'WhisperReader.fetch_data',
     'return whisper.fetch(self.fs_path, startTime, endTime, now=now)',
     WHOLE,
     'a whisper file ends, and the answer begins, where its points may; and '
     'the next point stands in for a range without any'),

    ('render.functions', 'weightedAverage',
     '    productValues =',
     '    _, start, end, step = normalize([[seriesAvg, seriesWeight]])\n'
     '    productValues =',
     'points of different steps go together by number'),

    ('render.functions', 'weightedAverage',
     'seriesAvg.start,seriesAvg.end,seriesAvg.step', 'start,end,step',
     'points of different steps go together by number'),

    ('render.functions', 'weightedAverage',
     '  resultValues =',
     '  _, start, end, step = normalize([[sumProducts, sumWeights]])\n'
     '  resultValues =',
     'points of different steps go together by number'),

    ('render.functions', 'weightedAverage',
     'sumProducts.start,sumProducts.end,sumProducts.step', 'start,end,step',
     'points of different steps go together by number'),

    ('render.functions', 'divideSeries',
     '    end -= (end - start) % step\n',
     '    bothSeries, start, end, step = normalize(['
     '[s.copy(values=s[:]) for s in bothSeries]])\n',
     'points go together by number, though series begin apart'),

    ('render.functions', 'asPercent',
     '  normalize([seriesList])\n',
     '  _, start1, end1, step1 = normalize([seriesList])\n',
     'values of the common step have the times of their own'),

    ('render.functions', 'asPercent',
     '      normalize([seriesList, total])\n',
     '      _, start1, end1, step1 = normalize([seriesList, total])\n',
     'values of the common step have the times of their own'),

    ('render.functions', 'asPercent',
     'series.start,series.end,series.step', 'start1,end1,step1',
     'values of the common step have the times of their own'),

    ('render.functions', 'timeFunction',
     'time.mktime(when.timetuple())', 'float(epoch(when))',
     'a zone shifts the time itself'),

    ('render.functions', 'timeFunction',
     'time.mktime(requestContext["startTime"].timetuple())',
     'epoch(requestContext["startTime"])',
     'a zone shifts the time itself'),

    ('render.functions', 'timeFunction',
     'time.mktime(requestContext["endTime"].timetuple())',
     'epoch(requestContext["endTime"])',
     'a zone shifts the time itself'),

    ('render.functions', 'integralByInterval',
     'timestamp(', 'epoch(', 'a zone shifts the time itself'),

    ('render.views', 'parseOptions',
     "    if 'from' in queryParams:\n",
     "    if queryParams.get('from'):\n",
     'a "from" without text is none, not now'),
]

GRAMMAR = [
    ('''    args + Optional(
      comma + kwargs
    )
''', '    (args + Optional(comma + kwargs)) | kwargs\n',
     'calls with named arguments alone are no calls'),

    ('Printables = printables\n', 'Printables = printables + "\u00fc\u00e9"\n',
     'all of Unicode, as UTF8_METRICS has it, takes seconds to prepare'),

]


def change(text, old, new):
    if old not in text:
        raise RuntimeError('not what graphite-web 1.1.8 has: ' + old)
    return text.replace(old, new)


def mend_grammar():
    """Before anything of it is imported."""

    name = 'graphite.render.grammar_unsafe'
    spec = importlib.util.find_spec(name)
    text = spec.loader.get_source(name)

    for old, new, _ in GRAMMAR:
        text = change(text, old, new)

    module = importlib.util.module_from_spec(spec)
    exec(compile(text, spec.origin, 'exec'), module.__dict__)
    sys.modules[name] = module

    grammar = importlib.import_module('graphite.render.grammar')

    # what stands behind a target is a fault of it
    grammar.ThreadSafeGrammar.parseString = \
        lambda self, s: module.grammar.parseString(s, parseAll=True)


def unshifted(own, shifted):
    """Each with what it is in its own range: the same of that name.

    The same may be of a finer interval there: then it is the first point of
    its own one.
    """

    seen = collections.Counter()
    out = []

    for s in shifted:
        same = [o for o in own if o.name == s.name]
        o = (same[seen[s.name]:] or same or own)[0]
        seen[s.name] += 1

        if o.step != s.step and s.step % o.step == 0 and s.start % s.step == 0:
            o = o.copy(start=-(-o.start // s.step) * s.step)

        out.append((o, s))

    return out


def mend():
    functions = importlib.import_module('graphite.render.functions')
    functions.unshifted = unshifted
    changed = {}

    for module, name, old, new, _ in MENDS:
        m = importlib.import_module('graphite.' + module)
        f = m
        for part in name.split('.'):
            f = getattr(f, part)
        if f.__closure__:
            f = f.__closure__[0].cell_contents
        text = changed.get(f) or re.sub(
            '^@.*\n', '', textwrap.dedent(inspect.getsource(f)))
        changed[f] = change(text, old, new)

    for f, text in changed.items():
        names = {}
        exec(compile(text, f.__name__, 'exec'), f.__globals__, names)
        f.__code__ = names[f.__name__].__code__

    # nor do these refuse what they do not draw
    for f in functions.cactiStyle, functions.legendValue:
        for p in f.params:
            p._options = []


WINDOWS = r'(?=.*(moving\w+|exponentialMovingAverage)\()'

# paths of series with other steps than a minute
MIXED = r'(?=.*(?<![\w.\]}*?-])([mr]\.|\w*[*?\[{][^.()]*\.))'

# paths of series whose values overflow
HUGE = r'(?<![\w.\]}*?-])([hH]\.|\w*[*?\[{][^.()]*\.)'


# the sign of zeroes is all that differs
def of_signs(why):
    m = re.match('names theirs: (.*)\n *ours: (.*)', why)

    return m and re.sub('-0(?=[),])', '0', m[1]) \
        == re.sub('-0(?=[),])', '0', m[2])


# of the targets, of the first difference, why

EXCUSES = [
    ('', r'times \[(\d+), (\d+), 0\] theirs, \[\1, \2, 1\] ours',
     'no step is 0'),
    ('', r'ours: argument "\w+" of \w+\(\) has to be .*, not '
     r'"(None|true|inf|1\.5|s\.a|no\.such|x)?"',
     'they take a value of another type for what it is not'),
    ('', r'ours: argument "\w+" of \w+\(\) has to be .* such as "5min", not '
     r'"(-|5|10|min|5M|1hh|5fortnight|5min-3s|1\.5h|5 min)"',
     'they do not look at an interval where there is no series'),
    ('', r'ours: argument "\w+" of \w+\(\) has to be more than nothing',
     'a window of no points is a mistake'),
    ('', r'ours: argument "n" of \w+\(\) has to be greater than 0',
     'so is a percentile below the 0th'),
    ('', r'ours: argument "\w+" of \w+\(\) has to be longer than nothing',
     'so is an interval that ends before it begins, and where there is no '
     'series'),
    (r'["\'](avg|avg_zero|total|current|last|count|median|rangeOf|range|diff|'
     r'stddev|multiply|sum|min|max|average)Series["\']',
     '400 theirs, 200 ours.*(Invalid option|unknown token in target)',
     'by our rule "fSeries" is "f" everywhere'),
    ('', r'ours: argument "base" of log\(\) has to be',
     'so is a logarithm of the base 1, where there is no series'),
    (r'[,(=]\s*(""|\'\')\s*[,)]', 'names theirs|400 theirs',
     'an optional argument without text is none: Grafana sends those'),
    ('stacked.*None', 'names theirs',
     'None is the default'),
    ('template', r'400 theirs.*invalid template\(\) syntax',
     'pipes in a template are no mistake'),
    (r'(?=.*(Above|Below|filterSeries|removeEmpty))'
     r'(?=.*(timeS|moving|exponential))', 'names theirs',
     'what is left out of the range is left out of the shifted one'),
    (r'(asPercent|pct)\(', r'ours: (asPercent\(\) takes|argument "total" of)',
     'so is a text as a total, where there is no series'),
    ('', r'ours: argument "\w+" of \w+\(\) is no regular expression',
     'so is a regular expression that is none, where there is no series'),
    (r'(moving\w+|exponentialMovingAverage|timeShift|timeStack)\(',
     r'ours: (divideSeries|weightedAverage)\(\) takes as ',
     'what a window fetches again is not their concern'),
    (r'(?=.*timeS(hift|tack)\()(?=.*(summarize|hitcount)\()' + MIXED,
     'times', 'the shifted range has bounds of its own'),
    (r'(?=.*timeShift\()' + MIXED, 'times',
     'a shifted range ends where its own steps do'),
    (r'(?=.*timeS(hift|tack)\()(?=.*smartSummarize\()', 'times',
     'the shifted range has bounds of its own'),
    (r'(?=.*(asPercent|pct)\()' + MIXED, 'times|values theirs',
     'each has the step that it and the total have in common'),
    (r'(?=.*(stddev|stdev))(?=.*' + HUGE + ')', r'point \d+: None theirs',
     'infinity less itself is no number, and that is none'),
    ('multiplySeries', r"aggregatedBy|names theirs.*ours.*multiplySeries\(",
     'by our rule "fSeries" is "f" everywhere'),
    ('timeStack', '400 theirs.*must receive the same number',
     'no shift at all looks at nothing'),
    ('aggregateLine', r"'name': '-?\d+'.* theirs",
     'they have integers and floats'),
    (r'\bstdev\(.*\b(identity|time|timeFunction)\(', r'point \d+: ',
     'what is small is lost beside what is huge'),
    (r'log\([^()]*(\([^()]*\))*,None', 'names theirs', 'None is the default'),
    (r'threshold\([^()]*None', 'names theirs', 'None is the default'),
    ('countSeries.*None', 'names theirs', 'None is no series'),
    (r'[=,(]\s*None\s*[,)]',
     '400 theirs, 200 ours.*(None|unknown token in target)',
     'None is the default'),
    (WINDOWS + '(?=.*' + HUGE + ')', r'point \d+: ',
     'what is small is lost beside what is huge'),
    ('aliasSub', r'ours: argument "replace" of \w+\(\) has .* is no group of',
     'so is a group that is none, where there is no series'),
    ('', of_signs,
     'of a zero and one less than nothing the first is the least'),
]


# of queries

FIND_EXCUSES = [
    ('', r'400 theirs.*for param (local|automatic_variants)',
     'what has no meaning for us is not looked at'),
    ('', "400 theirs.*for 'format'", 'a format without text is none'),
    (r'\.( &|$)|^\.|\.\.', 'found theirs', 'no node is without a name'),
    (r'^( &|$)|& ( &|$)', 'found theirs', 'a query without text is none'),
    (r'\*\*', 'found theirs', '"**" is any number of nodes, and none too'),
]

# of times

TIME_EXCUSES = [
    ('', '400 theirs, 200 ours', 'we read more'),
    ('', r'times \[(\d+), (\d+), 0\] theirs, \[\1, \2, 1\] ours',
     'no step is 0'),
    (r'=[ _,]*[-+][ _,]*( & |$)', '200 theirs, 400 ours',
     'a sign alone is a mistake'),
]


def excused(uri, args, why):
    if uri != '/render':
        return excuse(FIND_EXCUSES, ' & '.join(v for k, v in args
                                               if k == 'query'), why)

    if args[0] == ('target', 'constantLine(1)'):
        return excuse(TIME_EXCUSES,
                      ' & '.join('%s=%s' % a for a in args), why)

    targets = ' & '.join(v for k, v in args if k == 'target') \
        + ''.join(' tz=' for k, v in args if k == 'tz')

    return excuse(EXCUSES, targets, why)


def excuse(excuses, asked, why):
    for request, difference, reason in excuses:
        if not re.search(request, asked):
            continue

        if difference(why) if callable(difference) else \
           re.search(difference, why, re.DOTALL):
            return reason

    return None
