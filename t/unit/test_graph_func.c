/*
 * The functions of /render, each at least once: what they answer to series
 * of ten points is what graphite-web 1.1.8 does, from which these values are
 * (moving windows end at the point, as they do from 1.1.9 on).  What only we
 * have, or have otherwise on purpose, is said where it stands.  A function
 * without a case here fails the test.
 */

#include <time.h>

#include "torus_fold.h"
#include "torus_graph_model.h"


typedef struct {
    const char  *target;
    const char  *want;      /* raw */
} case_t;


static const case_t  cases[] = {

    { "s.a",
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n" },
    { "sumSeries(s.a,s.b)",
      "sumSeries(s.a,s.b),1699999440,1700000040,60|11.0,2.0,None,44.0,55.0"
      ",66.0,77.0,80.0,90.0,110.0\n" },
    { "sumSeries(s.a,s.c)",
      "sumSeries(s.a,s.c),1699999440,1700000040,120|4.5,10.0,14.5,19.0,25."
      "0\n" },
    { "sum(s.{a,b})",
      "sumSeries(s.{a,b}),1699999440,1700000040,60|11.0,2.0,None,44.0,55.0"
      ",66.0,77.0,80.0,90.0,110.0\n" },
    { "averageSeries(s.a,s.b)",
      "averageSeries(s.a,s.b),1699999440,1700000040,60|5.5,2.0,None,22.0,2"
      "7.5,33.0,38.5,80.0,90.0,55.0\n" },
    { "avg(s.a,s.b)",
      "averageSeries(s.a,s.b),1699999440,1700000040,60|5.5,2.0,None,22.0,2"
      "7.5,33.0,38.5,80.0,90.0,55.0\n" },
    { "minSeries(s.a,s.b)",
      "minSeries(s.a,s.b),1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6."
      "0,7.0,80.0,90.0,10.0\n" },
    { "maxSeries(s.a,s.b)",
      "maxSeries(s.a,s.b),1699999440,1700000040,60|10.0,2.0,None,40.0,50.0"
      ",60.0,70.0,80.0,90.0,100.0\n" },
    { "stddevSeries(s.a,s.b)",
      "stddevSeries(s.a,s.b),1699999440,1700000040,60|4.5,0.0,None,18.0,22"
      ".5,27.0,31.5,0.0,0.0,45.0\n" },
    { "rangeOfSeries(s.a,s.b)",
      "rangeOfSeries(s.a,s.b),1699999440,1700000040,60|9.0,0.0,None,36.0,4"
      "5.0,54.0,63.0,0.0,0.0,90.0\n" },
    { "diffSeries(s.b,s.a)",
      "diffSeries(s.b,s.a),1699999440,1700000040,60|9.0,2.0,None,36.0,45.0"
      ",54.0,63.0,80.0,90.0,90.0\n" },
    { "multiplySeries(s.a,s.b)",
      "multiplySeries(s.a,s.b),1699999440,1700000040,60|10.0,None,None,160"
      ".0,250.0,360.0,490.0,None,None,1000.0\n" },
    { "multiplySeries(s.a)",
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n" },
    { "aggregate(s.*,\"median\")",
      "medianSeries(s.*),1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n" },
    { "aggregate(s.{a,b},\"avg_zero\",0.9)",
      "avg_zeroSeries(s.{a,b}),1699999440,1700000040,60|5.5,None,None,22.0"
      ",27.5,33.0,38.5,None,None,55.0\n" },
    { "countSeries(s.*)",
      "countSeries(s.*),1699999440,1700000040,120|4.0,4.0,4.0,4.0,4.0\n" },
    { "countSeries()",
      "0,1699999380,1699999980,300|0.0,0.0,0.0\n" },
    { "percentileOfSeries(s.{a,b},50)",
      "percentileOfSeries(s.{a,b},50),1699999440,1700000040,60|10.0,2.0,No"
      "ne,40.0,50.0,60.0,70.0,80.0,90.0,100.0\n" },
    { "percentileOfSeries(s.{a,b},50,true)",
      "percentileOfSeries(s.{a,b},50),1699999440,1700000040,60|5.5,2.0,Non"
      "e,22.0,27.5,33.0,38.5,80.0,90.0,55.0\n" },
    { "divideSeries(s.b,s.a)",
      "divideSeries(s.b,s.a),1699999440,1700000040,60|10.0,None,None,10.0,"
      "10.0,10.0,10.0,None,None,10.0\n" },
    { "divideSeries(s.a,s.none)",
      "divideSeries(s.a,MISSING),1699999440,1700000040,60|None,None,None,N"
      "one,None,None,None,None,None,None\n" },
    { "asPercent(group(s.a,s.b))",
      "asPercent(s.a,sumSeries(s.a,s.b)),1699999440,1700000040,60|9.090909"
      "090909092,100.0,None,9.090909090909092,9.090909090909092,9.09090909"
      "0909092,9.090909090909092,None,None,9.090909090909092\n"
      "asPercent(s.b,sumSeries(s.a,s.b)),1699999440,1700000040,60|90.90909"
      "09090909,None,None,90.9090909090909,90.9090909090909,90.90909090909"
      "09,90.9090909090909,100.0,100.0,90.9090909090909\n" },
    { "asPercent(s.none,s.b,0)", "" },
    { "asPercent(s.a,s.b)",
      "asPercent(s.a,s.b),1699999440,1700000040,60|10.0,None,None,10.0,10."
      "0,10.0,10.0,None,None,10.0\n" },
    { "asPercent(s.{a,b},200)",
      "asPercent(s.a,200),1699999440,1700000040,60|0.5,1.0,None,2.0,2.5,3."
      "0,3.5000000000000004,None,None,5.0\n"
      "asPercent(s.b,200),1699999440,1700000040,60|5.0,None,None,20.0,25.0"
      ",30.0,35.0,40.0,45.0,50.0\n" },
    { "asPercent(s.{a,b},None,0)",
      "asPercent(s.a,sumSeries(s.{a,b})),1699999440,1700000040,60|9.090909"
      "090909092,100.0,None,9.090909090909092,9.090909090909092,9.09090909"
      "0909092,9.090909090909092,None,None,9.090909090909092\n"
      "asPercent(s.b,sumSeries(s.{a,b})),1699999440,1700000040,60|90.90909"
      "09090909,None,None,90.9090909090909,90.9090909090909,90.90909090909"
      "09,90.9090909090909,100.0,100.0,90.9090909090909\n" },
    { "removeAboveValue(pct(s.a,0012),9)",
      "removeAboveValue(asPercent(s.a,12), 9),1699999440,1700000040,60|8.3"
      "33333333333332,None,None,None,None,None,None,None,None,None\n" },
    { "removeAboveValue(pct(s.a,-0),9)",
      "removeAboveValue(asPercent(s.a,0), 9),1699999440,1700000040,60|None"
      ",None,None,None,None,None,None,None,None,None\n" },
    { "sumSeriesWithWildcards(alias(s.c,\"..x.\"),2)",
      "..,1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n" },
    { "averageSeriesWithWildcards(s.c,7,None)",
      "s.c,1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n" },
    { "pct(s.c,inf)",
      "asPercent(s.c,inf),1699999440,1700000040,120|0.0,0.0,0.0,0.0,0.0\n" },
    { "pct(s.c,true)",
      "asPercent(s.c,True),1699999440,1700000040,120|300.0,600.0,900.0,1200.0"
      ",1500.0\n" },
    { "pct(s.a,12.5)",
      "asPercent(s.a,12.5),1699999440,1700000040,60|8.0,16.0,None,32.0,40."
      "0,48.0,56.00000000000001,None,None,80.0\n" },
    { "weightedAverage(s.a,s.b,0)",
      "weightedAverage(s.a, s.b, 0),1699999440,1700000040,60|1.0,None,None"
      ",4.0,5.0,6.0,7.0,None,None,10.0\n" },
    /* ours: points of different steps go together by time */
    { "weightedAverage(s.a,s.c,0)",
      "weightedAverage(s.a, s.c, 0),1699999440,1700000040,120|1.5,4.0,5.5,"
      "7.0,10.0\n" },

    { "group(s.a,s.b)",
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n"
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n" },
    { "groupByNode(s.{a,b},0,\"sum\")",
      "s,1699999440,1700000040,60|11.0,2.0,None,44.0,55.0,66.0,77.0,80.0,9"
      "0.0,110.0\n" },
    { "groupByNodes(s.{a,b},\"max\",0,1)",
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n"
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n" },
    { "groupByTags(t*,\"sum\",\"dc\")",
      "t;dc=a,1699999440,1700000040,60|0.0,3.0,6.0,9.0,12.0,15.0,18.0,21.0"
      ",24.0,27.0\n" },
    { "sumSeriesWithWildcards(s.{a,b},1)",
      "s,1699999440,1700000040,60|11.0,2.0,None,44.0,55.0,66.0,77.0,80.0,9"
      "0.0,110.0\n" },
    { "averageSeriesWithWildcards(s.{a,b},0)",
      "a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None,1"
      "0.0\n"
      "b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80.0,"
      "90.0,100.0\n" },
    { "scale(s.a,0.5)",
      "scale(s.a,0.5),1699999440,1700000040,60|0.5,1.0,None,2.0,2.5,3.0,3."
      "5,None,None,5.0\n" },
    { "scaleToSeconds(s.c,-0.5)",
      "scaleToSeconds(s.c,0),1699999440,1700000040,120|-0.0125,-0.025,-0."
      "0375,-0.05,-0.0625\n" },
    { "scaleToSeconds(s.a,1)",
      "scaleToSeconds(s.a,1),1699999440,1700000040,60|0.016667,0.033333,No"
      "ne,0.066667,0.083333,0.1,0.116667,None,None,0.166667\n" },
    { "offset(s.a,-3)",
      "offset(s.a,-3),1699999440,1700000040,60|-2.0,-1.0,None,1.0,2.0,3.0,"
      "4.0,None,None,7.0\n" },
    { "absolute(offset(s.a,-4))",
      "absolute(offset(s.a,-4)),1699999440,1700000040,60|3.0,2.0,None,0.0,"
      "1.0,2.0,3.0,None,None,6.0\n" },
    { "invert(offset(s.a,-4))",
      "invert(offset(s.a,-4)),1699999440,1700000040,60|-0.3333333333333333"
      ",-0.5,None,None,1.0,0.5,0.3333333333333333,None,None,0.166666666666"
      "66666\n" },
    { "pow(s.a,-2)",
      "pow(s.a,-2),1699999440,1700000040,60|1.0,0.25,None,0.0625,0.04,0.02"
      "7777777777777776,0.02040816326530612,None,None,0.01\n" },
    { "squareRoot(offset(s.a,-4))",
      "squareRoot(offset(s.a,-4)),1699999440,1700000040,60|None,None,None,"
      "0.0,1.0,1.4142135623730951,1.7320508075688772,None,None,2.449489742"
      "783178\n" },
    { "round(scale(s.a,1.235),2)",
      "round(scale(s.a,1.235),2),1699999440,1700000040,60|1.24,2.47,None,4"
      ".94,6.18,7.41,8.65,None,None,12.35\n" },
    { "log(s.b)",
      "log(s.b, 10),1699999440,1700000040,60|1.0,None,None,1.6020599913279"
      "623,1.6989700043360185,1.7781512503836434,1.845098040014257,1.90308"
      "99869919433,1.9542425094393248,2.0\n" },
    { "log(s.a,20e-1)|limit(1)|removeAboveValue(1)",
      "removeAboveValue(log(s.a, 2.0), 1),1699999440,1700000040,60|0.0,1.0"
      ",None,None,None,None,None,None,None,None\n" },
    { "log(s.a,002)|removeAboveValue(1)",
      "removeAboveValue(log(s.a, 2), 1),1699999440,1700000040,60|0.0,1.0"
      ",None,None,None,None,None,None,None,None\n" },
    { "log(s.a,2)",
      "log(s.a, 2),1699999440,1700000040,60|0.0,1.0,None,2.0,2.32192809488"
      "7362,2.584962500721156,2.807354922057604,None,None,3.32192809488736"
      "26\n" },
    { "derivative(s.b)",
      "derivative(s.b),1699999440,1700000040,60|None,None,None,None,10.0,1"
      "0.0,10.0,10.0,10.0,10.0\n" },
    { "nonNegativeDerivative(offset(scale(s.a,-1),5))",
      "nonNegativeDerivative(offset(scale(s.a,-1),5)),1699999440,170000004"
      "0,60|None,None,None,None,None,None,None,None,None,None\n" },
    { "perSecond(s.b)",
      "perSecond(s.b),1699999440,1700000040,60|None,None,None,None,0.16666"
      "7,0.166667,0.166667,0.166667,0.166667,0.166667\n" },
    { "integral(s.a)",
      "integral(s.a),1699999440,1700000040,60|1.0,3.0,None,7.0,12.0,18.0,2"
      "5.0,None,None,35.0\n" },
    { "integralByInterval(s.a,\"3min\")",
      "integralByInterval(s.a,'3min'),1699999440,1700000040,60|1.0,3.0,0.0"
      ",4.0,9.0,6.0,13.0,13.0,0.0,10.0\n" },
    { "keepLastValue(s.a,1)",
      "keepLastValue(s.a),1699999440,1700000040,60|1.0,2.0,2.0,4.0,5.0,6.0"
      ",7.0,None,None,10.0\n" },
    { "keepLastValue(s.a,\"INF\")",
      "keepLastValue(s.a),1699999440,1700000040,60|1.0,2.0,2.0,4.0,5.0,6.0"
      ",7.0,7.0,7.0,10.0\n" },
    { "keepLastValue(s.a)",
      "keepLastValue(s.a),1699999440,1700000040,60|1.0,2.0,2.0,4.0,5.0,6.0"
      ",7.0,7.0,7.0,10.0\n" },
    { "interpolate(s.a)",
      "interpolate(s.a),1699999440,1700000040,60|1.0,2.0,3.0,4.0,5.0,6.0,7"
      ".0,8.0,9.0,10.0\n" },
    { "interpolate(s.a,1)",
      "interpolate(s.a),1699999440,1700000040,60|1.0,2.0,3.0,4.0,5.0,6.0,7"
      ".0,None,None,10.0\n" },
    { "transformNull(s.a,-1)",
      "transformNull(s.a,-1),1699999440,1700000040,60|1.0,2.0,-1.0,4.0,5.0"
      ",6.0,7.0,-1.0,-1.0,10.0\n" },
    { "isNonNull(s.a)",
      "isNonNull(s.a),1699999440,1700000040,60|1.0,1.0,0.0,1.0,1.0,1.0,1.0"
      ",0.0,0.0,1.0\n" },
    { "changed(s.b)",
      "changed(s.b),1699999440,1700000040,60|0.0,0.0,0.0,1.0,1.0,1.0,1.0,1"
      ".0,1.0,1.0\n" },
    { "delay(s.a,2)",
      "delay(s.a,2),1699999440,1700000040,60|None,None,1.0,2.0,None,4.0,5."
      "0,6.0,7.0,None\n" },
    { "delay(s.a,-2)",
      "delay(s.a,-2),1699999440,1700000040,60|None,4.0,5.0,6.0,7.0,None,No"
      "ne,10.0,None,None\n" },
    { "summarize(s.a,\"3min\",\"avg\")",
      "summarize(s.a, \"3min\", \"avg\"),1699999380,1700000100,180|1.5,4.5"
      ",6.5,10.0\n" },
    { "summarize(s.a,\"3min\")",
      "summarize(s.a, \"3min\", \"sum\"),1699999380,1700000100,180|3.0,9.0"
      ",13.0,10.0\n" },
    { "summarize(s.a,\"3min\",\"max\",true)",
      "summarize(s.a, \"3min\", \"max\", true),1699999440,1700000160,180|2"
      ".0,6.0,7.0,10.0\n" },
    { "smartSummarize(s.a,\"3min\",\"sum\")",
      "smartSummarize(s.a, \"3min\", \"sum\"),1699999440,1700000160,180|3."
      "0,15.0,7.0,10.0\n" },
    { "smartSummarize(s.a,\"10min\",\"sum\",\"hours\")",
      "smartSummarize(s.a, \"10min\", \"sum\"),1699999260,1700000460,600|3"
      "4.0,10.0\n" },
    { "hitcount(s.a,\"3min\")",
      "hitcount(s.a, \"3min\"),1699999320,1700000040,180|60.0,360.0,1080.0"
      ",600.0\n" },
    { "hitcount(s.a,\"3min\",true)",
      "hitcount(s.a, \"3min\", true),1699999440,1700000160,180|180.0,900.0"
      ",420.0,600.0\n" },
    { "timeShift(s.a,\"10min\")",
      "timeShift(s.a, \"-10min\"),1699999440,1700000040,60|2.0,3.0,4.0,5.0"
      ",6.0,0.0,1.0,2.0,3.0,4.0\n" },
    { "timeShift(s.a,\"+5min\")",
      "timeShift(s.a, \"+5min\"),1699999440,1700000040,60|6.0,7.0,None,Non"
      "e,10.0,1.0,2.0,3.0,4.0,5.0\n" },
    { "timeShift(s.a,\"0s\",true,false)",
      "timeShift(s.a, \"-0s\"),1699999440,1700000040,60|1.0,2.0,None,4.0"
      ",5.0,6.0,7.0,None,None,10.0\n" },
    { "timeStack(s.a,timeShiftEnd=1)",
      "timeShift(s.a, -1d, 0),1699999440,1700000040,60|1.0,2.0,None,4.0,5."
      "0,6.0,7.0,None,None,10.0\n" },
    { "timeStack(s.a,\"5min\",0,2)",
      "timeShift(s.a, -5min, 0),1699999440,1700000040,60|1.0,2.0,None,4.0,"
      "5.0,6.0,7.0,None,None,10.0\n"
      "timeShift(s.a, -5min, 1),1699999440,1700000040,60|0.0,1.0,2.0,3.0,4"
      ".0,1.0,2.0,None,4.0,5.0\n" },
    { "time(\"x\")",
      "x,1699999380,1699999980,60|1699999380.0,1699999440.0,1699999500.0,1"
      "699999560.0,1699999620.0,1699999680.0,1699999740.0,1699999800.0,169"
      "9999860.0,1699999920.0\n" },
    { "timeFunction(\"x\",120)",
      "x,1699999380,1699999980,120|1699999380.0,1699999500.0,1699999620.0,"
      "1699999740.0,1699999860.0\n" },
    { "movingAverage(s.a,3)",
      "movingAverage(s.a,3),1699999440,1700000040,60|2.6666666666666665,2."
      "3333333333333335,1.5,3.0,4.5,5.0,6.0,6.5,7.0,10.0\n" },
    { "movingAverage(s.a,\"3min\",0.7)",
      "movingAverage(s.a,\"3min\"),1699999440,1700000040,60|2.666666666666"
      "6665,2.3333333333333335,None,None,None,5.0,6.0,None,None,None\n" },
    { "movingMedian(s.a,4)",
      "movingMedian(s.a,4),1699999440,1700000040,60|2.5,2.5,2.0,2.0,4.0,5."
      "0,5.5,6.0,6.5,8.5\n" },
    { "movingSum(s.a,3)",
      "movingSum(s.a,3),1699999440,1700000040,60|8.0,7.0,3.0,6.0,9.0,15.0,"
      "18.0,13.0,7.0,10.0\n" },
    { "movingMin(s.a,3)",
      "movingMin(s.a,3),1699999440,1700000040,60|1.0,1.0,1.0,2.0,4.0,4.0,5"
      ".0,6.0,7.0,10.0\n" },
    { "movingMax(s.a,3)",
      "movingMax(s.a,3),1699999440,1700000040,60|4.0,4.0,2.0,4.0,5.0,6.0,7"
      ".0,7.0,7.0,10.0\n" },
    { "movingWindow(s.a,3,\"range\")",
      "movingRange(s.a,3),1699999440,1700000040,60|3.0,3.0,1.0,2.0,1.0,2.0"
      ",2.0,1.0,0.0,0.0\n" },
    { "exponentialMovingAverage(s.a,3)",
      "exponentialMovingAverage(s.a,3),1699999440,1700000040,60|3.0,2.0,2."
      "0,None,3.0,4.0,5.0,6.0,None,None,8.0\n" },
    { "exponentialMovingAverage(s.a,\"3min\")",
      "exponentialMovingAverage(s.a,\"3min\"),1699999440,1700000040,60|3.0"
      ",2.977901,2.967095,None,2.978508,3.000845,3.033985,3.077808,None,No"
      "ne,3.154297\n" },
    { "stdev(s.a,3)",
      "stdev(s.a,3),1699999440,1700000040,60|0.0,0.5,0.5,1.0,0.5,0.8164965"
      "809277259,0.8164965809277259,0.5,0.0,0.0\n" },
    { "nPercentile(s.{a,d},95)",
      "nPercentile(s.a, 95),1699999440,1700000040,60|10.0,10.0,10.0,10.0,1"
      "0.0,10.0,10.0,10.0,10.0,10.0\n" },
    { "aggregateLine(s.a,\"max\")",
      "aggregateLine(s.a, 10),1699999380,1699999980,300|10.0,10.0,10.0\n" },
    { "aggregateLine(s.d)",
      "aggregateLine(s.d, None),1699999380,1699999980,300|None,None,None\n" },
    { "averageAbove(s.*,5)",
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n"
      "s.c,1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n" },
    { "averageBelow(s.*,5)",
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n"
      "s.d,1699999440,1700000040,60|None,None,None,None,None,None,None,Non"
      "e,None,None\n" },
    { "currentAbove(s.*,10)",
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n"
      "s.c,1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n" },
    { "currentBelow(s.*,10)",
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n"
      "s.d,1699999440,1700000040,60|None,None,None,None,None,None,None,Non"
      "e,None,None\n" },
    { "maximumAbove(s.*,10)",
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n"
      "s.c,1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n" },
    { "maximumBelow(s.*,10)",
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n"
      "s.d,1699999440,1700000040,60|None,None,None,None,None,None,None,Non"
      "e,None,None\n" },
    { "minimumAbove(s.*,1)",
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n"
      "s.c,1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n" },
    { "minimumBelow(s.*,1)",
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n"
      "s.d,1699999440,1700000040,60|None,None,None,None,None,None,None,Non"
      "e,None,None\n" },
    { "filterSeries(s.*,\"max\",\">=\",15)",
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n"
      "s.c,1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n" },
    { "limit(s.*,2)",
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n"
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n" },
    { "grep(s.*,\"[ab]$\")",
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n"
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n" },
    { "exclude(s.c,\"^s{,2}\\.c$\")", "" },
    { "aliasSub(s.c,\"^.{,}([{,3}]|$)\",\"x\")",
      "x,1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n" },
    { "exclude(s.*,\"[ab]$\")",
      "s.c,1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n"
      "s.d,1699999440,1700000040,60|None,None,None,None,None,None,None,Non"
      "e,None,None\n" },
    { "unique(s.a,s.*)",
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n"
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n"
      "s.c,1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n"
      "s.d,1699999440,1700000040,60|None,None,None,None,None,None,None,Non"
      "e,None,None\n" },
    { "removeEmptySeries(s.*)",
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n"
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n"
      "s.c,1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n" },
    { "removeEmptySeries(s.*,0.8)",
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n"
      "s.c,1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n" },
    { "removeAboveValue(s.a,5)",
      "removeAboveValue(s.a, 5),1699999440,1700000040,60|1.0,2.0,None,4.0,"
      "5.0,None,None,None,None,None\n" },
    { "removeBelowValue(s.a,5)",
      "removeBelowValue(s.a, 5),1699999440,1700000040,60|None,None,None,No"
      "ne,5.0,6.0,7.0,None,None,10.0\n" },
    { "removeAbovePercentile(s.a,50)",
      "removeAbovePercentile(s.a, 50),1699999440,1700000040,60|1.0,2.0,Non"
      "e,4.0,5.0,None,None,None,None,None\n" },
    { "removeBelowPercentile(s.a,50)",
      "removeBelowPercentile(s.a, 50),1699999440,1700000040,60|None,None,N"
      "one,None,5.0,6.0,7.0,None,None,10.0\n" },
    { "sortBy(s.*,\"median\",true)",
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n"
      "s.c,1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n"
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n"
      "s.d,1699999440,1700000040,60|None,None,None,None,None,None,None,Non"
      "e,None,None\n" },
    { "sortByTotal(s.*)",
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n"
      "s.c,1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n"
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n"
      "s.d,1699999440,1700000040,60|None,None,None,None,None,None,None,Non"
      "e,None,None\n" },
    { "sortByMaxima(s.*)",
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n"
      "s.c,1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n"
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n"
      "s.d,1699999440,1700000040,60|None,None,None,None,None,None,None,Non"
      "e,None,None\n" },
    { "sortByMinima(s.*)",
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n"
      "s.c,1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n"
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n" },
    { "sortByName(s.*,false,true)",
      "s.d,1699999440,1700000040,60|None,None,None,None,None,None,None,Non"
      "e,None,None\n"
      "s.c,1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n"
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n"
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n" },
    { "highest(s.*,2,\"max\")",
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n"
      "s.c,1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n" },
    { "lowest(s.*)",
      "s.d,1699999440,1700000040,60|None,None,None,None,None,None,None,Non"
      "e,None,None\n" },
    { "highestAverage(s.*,1)",
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n" },
    { "highestCurrent(s.*,1)",
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n" },
    { "highestMax(s.*,1)",
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n" },
    { "lowestAverage(s.*,2)",
      "s.d,1699999440,1700000040,60|None,None,None,None,None,None,None,Non"
      "e,None,None\n"
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n" },
    { "lowestCurrent(s.*,2)",
      "s.d,1699999440,1700000040,60|None,None,None,None,None,None,None,Non"
      "e,None,None\n"
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n" },
    { "mostDeviant(s.*,1)",
      "s.b,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n" },
    { "alias(s.{a,b},\"x y\")",
      "x y,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n"
      "x y,1699999440,1700000040,60|10.0,None,None,40.0,50.0,60.0,70.0,80."
      "0,90.0,100.0\n" },
    { "aliasByNode(scale(s.a,2),1,-2)",
      "a.s,1699999440,1700000040,60|2.0,4.0,None,8.0,10.0,12.0,14.0,None,N"
      "one,20.0\n" },
    { "aliasByTags(t*,\"h\",\"dc\")",
      "x.a,1699999440,1700000040,60|0.0,1.0,2.0,3.0,4.0,5.0,6.0,7.0,8.0,9."
      "0\n"
      "y.a,1699999440,1700000040,60|0.0,2.0,4.0,6.0,8.0,10.0,12.0,14.0,16."
      "0,18.0\n" },
    { "aliasByMetric(scale(s.a,2))",
      "a,1699999440,1700000040,60|2.0,4.0,None,8.0,10.0,12.0,14.0,None,Non"
      "e,20.0\n" },
    { "aliasSub(s.a,\"(^.*$)\",\"\\1 A\")",
      "s.a A,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,No"
      "ne,10.0\n" },
    { "constantLine(100)",
      "100.0,1699999380,1699999980,300|100.0,100.0,100.0\n" },
    { "threshold(50,\"label\",\"red\")",
      "label,1699999380,1699999980,300|50.0,50.0,50.0\n" },
    { "identity(\"x\")",
      "x,1699999380,1699999980,60|1699999380.0,1699999440.0,1699999500.0,1"
      "699999560.0,1699999620.0,1699999680.0,1699999740.0,1699999800.0,169"
      "9999860.0,1699999920.0\n" },
    { "consolidateBy(s.a,\"max\")",
      "consolidateBy(s.a,\"max\"),1699999440,1700000040,60|1.0,2.0,None,4."
      "0,5.0,6.0,7.0,None,None,10.0\n" },
    { "cumulative(s.a)",
      "consolidateBy(s.a,\"sum\"),1699999440,1700000040,60|1.0,2.0,None,4."
      "0,5.0,6.0,7.0,None,None,10.0\n" },
    { "sumSeries(consolidateBy(s.a,\"max\"),s.c)",
      "sumSeries(consolidateBy(s.a,\"max\"),s.c),1699999440,1700000040,120"
      "|5.0,10.0,15.0,19.0,25.0\n" },
    { "fallbackSeries(s.none,s.a)",
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n" },
    { "color(s.a,\"red\")",
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n" },
    { "lineWidth(s.a,2)",
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n" },
    { "alpha(s.a,0.5)",
      "s.a,1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7.0,None,None"
      ",10.0\n" },
    { "secondYAxis(s.a)",
      "secondYAxis(s.a),1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,"
      "7.0,None,None,10.0\n" },
    { "drawAsInfinite(s.a)",
      "drawAsInfinite(s.a),1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6"
      ".0,7.0,None,None,10.0\n" },
    { "dashed(s.a)",
      "dashed(s.a, 5),1699999440,1700000040,60|1.0,2.0,None,4.0,5.0,6.0,7."
      "0,None,None,10.0\n" },

    /* ours: whoever draws does the stacking */
    { "stacked(s.c)",
      "stacked(s.c),1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n" },

    /* ours: hints for drawing that name nothing anew */
    { "legendValue(s.c,\"avg\")",
      "s.c,1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n" },
    { "cactiStyle(s.c)",
      "s.c,1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n" },

    /* ours: by steps that differ the numbers compare */
    { "rate(s.c)",
      "rate(s.c),1699999440,1700000040,120|0.025,0.05,0.075,0.1,0.125\n" },

    /* ours: of histograms */
    { "percentile(h.x,50)",
      "percentile(h.x,50),1699999440,1700000040,60|6.0,6.0,6.0,6.0,6.0,6.0,"
      "6.0,6.0,6.0,100.0\n" },
    { "count(h.y)",
      "count(h.y),1699999440,1700000040,60|None,10.0,None,10.0,None,10.0,"
      "None,10.0,None,10.0\n" },
    { "sum(h.x)",
      "sum(h.x),1699999440,1700000040,60|55.0,55.0,55.0,55.0,55.0,55.0,55.0,"
      "55.0,55.0,1000.0\n" },
    { "mean(h.x)",
      "mean(h.x),1699999440,1700000040,60|5.5,5.5,5.5,5.5,5.5,5.5,5.5,5.5,"
      "5.5,100.0\n" },
    { "rate(h.y)",
      "rate(h.y),1699999440,1700000040,60|None,0.16666666666666666,None,"
      "0.16666666666666666,None,0.16666666666666666,None,"
      "0.16666666666666666,None,0.16666666666666666\n" },
    { "histogramBuckets(h.y)",
      "histogramBuckets(h.y,1000),1699999440,1700000040,60|None,10.0,None,"
      "10.0,None,10.0,None,10.0,None,10.0\n" },
    { "limit(histogramBuckets(h.x),1)",
      "histogramBuckets(h.x,1),1699999440,1700000040,60|1.0,1.0,1.0,1.0,1.0,"
      "1.0,1.0,1.0,1.0,0.0\n" },

    /* ours: another interval, here of two minutes */
    { "interval(s.a,\"two\")",
      "s.a,1699999440,1700000040,120|1.0,2.0,None,4.0,5.0\n" },
    { "schema(s.c,\"other\")",
      "s.c,1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n" }
};


static void
strip(json_t *names, const char *name, size_t len)
{
    char  key[64];

    snprintf(key, sizeof(key), "%.*s", (int) len, name);
    json_object_del(names, key);
}


static void
called(const char *target, json_t *names)
{
    const char  *p, *start;

    for (p = target; *p != '\0'; p++) {

        if (*p != '(') {
            continue;
        }

        for (start = p; start > target
                        && ((start[-1] >= 'a' && start[-1] <= 'z')
                            || (start[-1] >= 'A' && start[-1] <= 'Z'));
             start--)
        {
            /* void */
        }

        strip(names, start, (size_t) (p - start));
    }
}


/* What a window of w points holds at t, folded the slow way. */
static double
folded(torus_graph_fold_t fold, int64_t t, size_t w)
{
    double  v, values[128], scratch[128];
    size_t  i, n;

    n = 0;

    for (i = w; i-- > 0; /* void */) {
        v = model_value(0, t - (int64_t) i * 60, 60);

        if (!isnan(v)) {
            values[n++] = v;
        }
    }

    return n == 0 ? NAN : fold_of(fold, values, n, scratch);
}


/* Windows that are shorter and longer than the range, of each function. */
static void
test_windows(void)
{
    char                target[64], *p;
    size_t              i, k, points, wrong;
    double              want, got;
    int64_t             t;
    const char         *targets[2];
    torus_graph_fold_t  fold;

    static model_t  m;

    static const char *const  folds[] = {
        "average", "avg_zero", "median", "sum", "min", "max", "diff",
        "stddev", "count", "range", "multiply", "last"
    };

    static const size_t  sizes[] = {
        1, 2, 3, 4, 7, 9, 10, 11, 20, 29, 30, 31, 60, 100
    };

    targets[0] = target;
    targets[1] = NULL;

    for (i = 0; i < sizeof(folds) / sizeof(folds[0]); i++) {
        wrong = 0;
        points = 0;

        torus_graph_fold_find(model_z(folds[i]), &fold);

        for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
            model_init(&m);
            m.params.span.from -= 1200;

            snprintf(target, sizeof(target), "movingWindow(s.a,%zu,\"%s\")",
                     sizes[k], folds[i]);
            model_run(&m, targets);

            p = strchr(m.text, '|');

            for (t = m.params.span.from + 60;
                 p != NULL && t <= m.params.span.until; t += 60, points++)
            {
                want = folded(fold, t, sizes[k]);
                p++;
                got = (*p == 'N') ? NAN : strtod(p, NULL);

                wrong += !(fabs(got - want) <= 1e-9 * fabs(want)
                           || (isnan(got) && isnan(want)));

                p = strpbrk(p, ",\n");
            }
        }

        is_int(points, 30 * 14, "windows of %s", folds[i]);
        is_int(wrong, 0, "all of them right");
    }
}


/* However long a window is, it does not hold up the worker. */
static void
test_long_windows(void)
{
    char         target[96];
    size_t       i;
    clock_t      start;
    const char  *targets[2];

    static model_t  m;

    static const char *const  folds[] = {
        "median", "diff", "stddev", "count", "range", "last"
    };

    targets[0] = target;
    targets[1] = NULL;

    for (i = 0; i < sizeof(folds) / sizeof(folds[0]); i++) {
        model_init(&m);
        m.params.span.from -= 300000 * 60;

        snprintf(target, sizeof(target), "aggregateLine(movingWindow(s.a,"
                 "200000,\"%s\"),\"max\")", folds[i]);

        start = clock();
        model_run(&m, targets);

        is_int(m.rc, TORUS_OK, "a long window of %s", folds[i]);
        ok((clock() - start) / CLOCKS_PER_SEC < 10, "takes no minute");
    }
}


/* Nor do values in their thousands. */
static void
test_wide(void)
{
    clock_t      start;
    const char  *targets[2];

    static model_t  m;

    model_init(&m);
    m.params.span.from -= 490 * 60;
    m.budget = 10000;

    targets[0] = "limit(histogramBuckets(wide),1)";
    targets[1] = NULL;

    start = clock();
    model_run(&m, targets);

    like(m.text, "histogramBuckets(wide,0),1699970040,1700000040,60|1.0,1.0,",
         "a series for each of many values");
    ok(m.slices > 100, "made in many slices");
    ok((clock() - start) / CLOCKS_PER_SEC < 10, "which takes no minute");
}


/*
 * A window of points needs to know the step first, so that its target waits
 * for what is fetched later: slices that end in the targets behind it must
 * not make it forgotten.
 */
static void
test_targets(void)
{
    int             i;
    static model_t  m;

    static const char *const  sets[][4] = {
        { "movingMax(s.c,1)", "weightedAverage(s.c,s.c,0)", NULL },
        { "weightedAverage(s.c,s.c,0)", "movingMax(s.c,1)", NULL },
        { "movingMax(s.c,1)", "sumSeries(s.c)", "movingMin(s.c,1)", NULL }
    };

    static const char *const  want[] = {
        "movingMax(s.c,1),1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n"
        "weightedAverage(s.c, s.c, 0),1699999440,1700000040,120|3.0,6.0,9.0"
        ",12.0,15.0\n",
        "weightedAverage(s.c, s.c, 0),1699999440,1700000040,120|3.0,6.0,9.0"
        ",12.0,15.0\n"
        "movingMax(s.c,1),1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n",
        "movingMax(s.c,1),1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n"
        "sumSeries(s.c),1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n"
        "movingMin(s.c,1),1699999440,1700000040,120|3.0,6.0,9.0,12.0,15.0\n"
    };

    for (i = 0; i < 3; i++) {
        model_init(&m);
        model_run(&m, (const char **) sets[i]);
        is_str(torus_str(m.text, m.len), want[i], "all targets answer");

        m.budget = 1;
        model_run(&m, (const char **) sets[i]);
        is_str(torus_str(m.text, m.len), want[i], "in slices too");
    }
}


/* Of each type that /functions tells: a value of it, and some that are not. */
static const struct {
    const char  *type;
    const char  *value;
    const char  *wrong[6];
} types[] = {
    { "seriesList", "s.a", { "5", "\"x\"", "true", "inf" } },
    { "node", "0", { "s.a", "\"x\"", "1.5", "true", "inf", "sum(s.a)" } },
    { "nodeOrTag", "0", { "s.a", "1.5", "true", "inf" } },
    { "integer", "1", { "s.a", "\"x\"", "1.5", "true", "inf", "1e300" } },
    { "intOrInf", "1", { "s.a", "\"x\"", "1.5", "true" } },
    { "float", "1", { "s.a", "\"x\"", "true", "sum(s.a)" } },
    { "string", "\"a\"", { "s.a", "true", "inf", "sum(s.a)" } },
    { "tag", "\"a\"", { "s.a", "true", "inf" } },
    { "boolean", "true", { "s.a", "\"x\"", "2", "inf" } },
    { "interval", "\"1min\"", { "s.a", "5", "\"5 parsecs\"", "true" } },
    { "intOrInterval", "5", { "s.a", "1.5", "\"5 parsecs\"", "true" } },
    { "aggFunc", "\"sum\"", { "s.a", "5", "\"mode\"", "true" } },
    { "any", "1", { "\"x\"" } },
};


static size_t
type_of(json_t *param)
{
    size_t       i;
    const char  *type;

    type = json_string_value(json_object_get(param, "type"));

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].type, type) == 0) {
            return i;
        }
    }

    bail_out("\"%s\" is no type", type);
}


/* The argument is refused, by its name too, and the reason says which it is. */
static void
wrong(const char *func, const char *before, json_t *param, const char *value,
    int ways)
{
    int          named;
    char         target[512], want[128];
    const char  *name, *targets[2];

    static model_t  m;

    name = json_string_value(json_object_get(param, "name"));
    targets[0] = target;
    targets[1] = NULL;

    snprintf(want, sizeof(want), "argument \"%s\" of %s() has to be ", name,
             func);

    for (named = 0; named < ways; named++) {
        snprintf(target, sizeof(target), "%s(%s%s%s%s)", func, before,
                 named ? name : "", named ? "=" : "", value);

        model_init(&m);
        model_run(&m, targets);

        ok(m.rc == TORUS_INVALID && m.status == 400
           && strncmp(m.err.text, want, strlen(want)) == 0,
           "%s: %s has to be something else", target, name);

        if (m.rc != TORUS_INVALID || strstr(m.err.text, want) == NULL) {
            diag("%d: %s", m.rc, m.rc == TORUS_OK ? m.text : m.err.text);
        }
    }
}


/* Every argument of every function with what it cannot be. */
static void
test_wrong_types(json_t *names)
{
    char         before[256];
    size_t       i, j, n, type;
    json_t      *func, *param, *options;
    const char  *name, *option;

    json_object_foreach(names, name, func) {
        n = 0;
        before[0] = '\0';

        json_array_foreach(json_object_get(func, "params"), i, param) {
            type = type_of(param);
            options = json_object_get(param, "options");

            for (j = 0; j < 6 && types[type].wrong[j] != NULL; j++) {
                wrong(name, before, param, types[type].wrong[j], 2);
            }

            option = json_string_value(json_array_get(options, 0));

            if (option != NULL) {
                wrong(name, before, param, "\"none of them\"", 2);
            }

            n += (size_t) snprintf(before + n, sizeof(before) - n,
                                   option != NULL ? "\"%s\"," : "%s,",
                                   option != NULL ? option
                                                  : types[type].value);

            if (json_is_true(json_object_get(param, "multiple"))) {
                wrong(name, before, param, types[type].wrong[0], 1);
            }
        }
    }
}


int
main(void)
{
    size_t        i;
    json_t       *names, *entry;
    const char   *targets[2], *name;
    torus_buf_t   b;

    static model_t  m;

    torus_buf_init(&b, 0);

    ok(torus_graph_functions(&b, NULL, 0, 0) == TORUS_OK,
       "the functions are listed");

    names = json_loadb((const char *) b.pos, torus_buf_len(&b), 0, NULL);
    ok(json_object_size(names) > 100, "as strict JSON");

    test_wrong_types(names);

    targets[1] = NULL;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        model_init(&m);
        targets[0] = cases[i].target;

        model_run(&m, targets);

        is_str(torus_str(m.text, m.len), cases[i].want, "%s",
               cases[i].target);

        if (m.rc != TORUS_OK) {
            diag("%d: %s", m.rc, m.err.text);
        }

        /* a point at a time it is the same */
        m.budget = 1;
        model_run(&m, targets);

        is_str(torus_str(m.text, m.len), cases[i].want, "%s, in slices",
               cases[i].target);

        called(cases[i].target, names);
    }

    /* what is random has only its shape to compare */
    model_init(&m);
    targets[0] = "randomWalk(\"x\",60)";
    model_run(&m, targets);
    like(m.text, "x,1699999380,1699999980,60|0.0,", "randomWalk begins at 0");
    called(targets[0], names);
    targets[0] = "randomWalkFunction(\"x\")";
    model_run(&m, targets);
    like(m.text, "x,1699999380,1699999980,60|0.0,", "by both its names");
    called(targets[0], names);

    json_object_foreach(names, name, entry) {
        fail("there is a case for %s", name);
    }

    is_int(json_object_size(names), 0, "every function has a case");

    json_decref(names);
    torus_buf_free(&b);

    test_targets();
    test_windows();
    test_long_windows();
    test_wide();

    return done_testing();
}
