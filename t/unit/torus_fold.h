/*
 * Values that are folded at once, as tests of it want them.
 */

#ifndef _TORUS_FOLD_H_INCLUDED_
#define _TORUS_FOLD_H_INCLUDED_


#include "torus_graph_func.h"


static inline double
fold_of(torus_graph_fold_t fold, const double *values, size_t n,
    double *scratch)
{
    double                 d;
    torus_graph_folding_t  o;

    torus_graph_fold_start(&o, fold, values, n, scratch);
    (void) torus_graph_fold_run(NULL, &o, &d);

    return d;
}


static inline double
percentile_of(double *values, size_t n, double percent, int interpolate)
{
    double                 d;
    torus_graph_folding_t  o;

    torus_graph_percentile_start(&o, percent, interpolate, values, n, values);
    (void) torus_graph_fold_run(NULL, &o, &d);

    return d;
}


#endif /* _TORUS_FOLD_H_INCLUDED_ */
