# Where graphite-web 1.1.8 is wrong, or we differ on purpose.
#
# What can be said as a change of its source is a mend: it holds while the
# rest of an answer is still compared.  The others are excuses: what the
# request looks like, what differs then, and why.

import importlib
import importlib.util
import inspect
import re
import sys
import textwrap

# module, function, what is there, what takes its place, why

MENDS = [
    ('render.functions', 'movingWindow',
     'for i in range(windowPoints, len(series)):',
     'for i in range(windowPoints + 1, len(series) + 1):',
     'windows end at the point since 1.1.9'),

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
     '  own = {s.name: s for s in seriesList}\n'
     '  for shiftedSeries in evaluateTarget('
     'myContext, requestContext[\'args\'][0]):\n'
     '    series = own.get(shiftedSeries.name, seriesList[0])\n',
     'all series get the start of the first'),

    ('render.functions', 'timeStack',
     '    for shiftedSeries in evaluateTarget('
     'myContext, requestContext[\'args\'][0]):\n',
     '    own = {s.name: s for s in seriesList}\n'
     '    for shiftedSeries in evaluateTarget('
     'myContext, requestContext[\'args\'][0]):\n'
     '      series = own.get(shiftedSeries.name, seriesList[0])\n',
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
     'data = whisper.fetch(self.fs_path, startTime, endTime, now=now)\n'
     '    return data if data and data[0][0] <= endTime else None',
     'the next point stands in for a range without any'),
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


def mend():
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

    functions = importlib.import_module('graphite.render.functions')

    # nor do these refuse what they do not draw
    for f in functions.cactiStyle, functions.legendValue:
        for p in f.params:
            p._options = []


WINDOWS = r'(?=.*(moving\w+|exponentialMovingAverage)\()'

# of the targets, of the first difference, why

OFF_GRID = r'(?=.*["\'](90s|30s|59s|100s)["\'])'
LINES = r'(?=.*(constantLine|threshold|countSeries|aggregateLine)\()'

# paths of series with other steps than a minute
MIXED = r'(?=.*(?<![\w.\]}*?-])([mr]\.|\w*[*?\[{][^.()]*\.))'

EXCUSES = [
    ('', r'times \[(\d+), (\d+), 0\] theirs, \[\1, \2, 1\] ours',
     'no step is 0'),
    ('', r'ours: argument "\w+" of \w+\(\) has to be ',
     'they take a value of another type for what it is not'),
    ('', r'ours: the window of \w+\(\) is empty',
     'a window of no points is a mistake'),
    ('', r'ours: the percentage of \w+\(\) has to be greater than 0',
     'so is a percentile below the 0th'),
    ('', r'ours: the interval of \w+\(\) has to be longer than nothing',
     'so is an interval that ends before it begins, and where there is no '
     'series'),
    (r'["\'](avg|avg_zero|total|current|last|count|median|rangeOf|range|diff|'
     r'stddev|multiply|sum|min|max|average)Series["\']', '400 theirs',
     'by our rule "fSeries" is "f" everywhere'),
    ('', r'ours: the base of log\(\) has to be',
     'so is a logarithm of the base 1, where there is no series'),
    (r'[,(=]\s*(""|\'\')\s*[,)]', 'names theirs|400 theirs',
     'an optional argument without text is none: Grafana sends those'),
    ('stacked.*None', 'names theirs',
     'None is the default'),
    ('timeStack', r'(names theirs.*|^timeShift.*)-(1d|30min), [3-9]',
     'a whisper file ends, and what is before is no series'),
    ('template', r'400 theirs.*invalid template\(\) syntax',
     'pipes in a template are no mistake'),
    (r'alignTo|smartSummarize|timeS', r'times \[169[4-9]',
     'a whisper file ends, and the answer begins, where its points may'),
    (WINDOWS + OFF_GRID, 'times|values|point',
     'windows of no whole number of points are off the grid'),
    (WINDOWS + r'(?=.*(summarize|smartSummarize|hitcount|time|timeFunction|'
     r'identity)\()', 'times|values|point|names',
     'windows of no whole number of points are off the grid'),
    (r'(?=.*(Above|Below|filterSeries|removeEmpty))'
     r'(?=.*(timeS|moving|exponential))', 'names theirs',
     'what is left out of the range is left out of the shifted one'),
    (r'(?=.*(exponential|moving))(?=.*(hitcount|ummarize)\(.*"(1d|1w|1mon|1y))',
     'names theirs', 'a whisper file ends, and what is before is no series'),
    (r'(asPercent|pct)\(' + MIXED, 'times|values|point',
     'values of the common step have the times of their own'),
    (r'(asPercent|pct)\(', 'ours: what asPercent\\(\\) takes',
     'so is a text as a total, where there is no series'),
    ('', 'ours: a regular expression is not one',
     'so is a regular expression that is none, where there is no series'),
    ('', r'ours: what divideSeries\(\) divides by|as many weights as series',
     'what a window fetches again is not their concern'),
    ('multiplySeries', r"aggregatedBy|names theirs.*ours.*multiplySeries\(",
     'by our rule "fSeries" is "f" everywhere'),
    ('timeStack', '400 theirs.*must receive the same number',
     'no shift at all looks at nothing'),
    ('aggregateLine', r"'name': '-?\d+'.* theirs",
     'they have integers and floats'),
    (r'\b(stdev)\(.*(identity|time|timeFunction)\(', 'point',
     'what is small is lost beside what is huge'),
    (r'log\([^()]*(\([^()]*\))*,None', 'names theirs', 'None is the default'),
    (r'threshold\([^()]*None', 'names theirs', 'None is the default'),
    ('countSeries.*None', 'names theirs', 'None is no series'),
    ('=None|None', '400 theirs', 'None is the default'),
    (WINDOWS + MIXED, 'names theirs',
     'in a range between two points of the longest step there are none'),
    (WINDOWS + MIXED, 'times|values|point',
     'a window is as long as the longest step says, for all series'),
    (WINDOWS + LINES, '',
     'three points of a line change their step with the range'),
    (WINDOWS + r'(?=.*(\bh\.|\*\.))', 'point',
     'what is small is lost beside what is huge'),
    (r'(?=.*weightedAverage)' + MIXED, 'times|values|point',
     'points of different steps go together by number'),
    (r'(?=.*weightedAverage)' + LINES, 'times|values|point',
     'points of different steps go together by number'),
    (r'(?=.*weightedAverage)(?=.*(summarize|Summarize|hitcount|time|identity))',
     'times|values|point|names',
     'points of different steps go together by number'),
    ('aliasSub', r'ours: "\\\d+" is no group of',
     'so is a group that is none, where there is no series'),
    ('', r'names theirs.*[ ,]-0\)',
     'of a zero and one less than nothing the first is the least'),
    (r'(time|timeFunction|integralByInterval)\(.* tz=', 'times|values|point',
     'a zone shifts the time itself'),
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
    (r'= *[-+] *(&|$)', '200 theirs, 400 ours', 'a sign alone is a mistake'),
    (r'(^|& )from=( |$)', '', 'a "from" without text is none, not now'),
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
        if re.search(request, asked) and re.search(difference, why, re.DOTALL):
            return reason

    return None
