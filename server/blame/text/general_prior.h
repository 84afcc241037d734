#ifndef ASSAY_SERVER_BLAME_TEXT_GENERAL_PRIOR_H_
#define ASSAY_SERVER_BLAME_TEXT_GENERAL_PRIOR_H_

#include "server/blame/text/mixed_prior.h"

namespace assay::blame {

// What transfers between teams, as shipped with the product: fitted with FitGeneralPrior on six
// collections of public logs (../MEASURED.md has its figures on each when it is left out). It has
// no collection: no episode is at home in it.
const MixedPrior& ShippedPrior();

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_TEXT_GENERAL_PRIOR_H_
