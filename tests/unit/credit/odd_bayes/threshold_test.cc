#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "gtest/gtest.h"
#include "server/credit/exact.h"
#include "server/credit/logistic/logistic_game.h"
#include "server/credit/logistic/quadrature.h"
#include "server/credit/odd_bayes/threshold_model.h"
#include "tests/unit/credit/drive.h"

namespace assay::credit {
namespace {

// Worked by hand. Two agents of weights 1 and 2, bias 0: v = logistic(x_1 + 2 x_2) is .0474 for
// nobody, .2689 for agent 1, .7311 for agent 2 and .9526 for both. Agent 1 adds .2215 either way,
// agent 2 .6837.
TEST(LogisticGame, TwoAgentsByHand) {
  const std::vector<double> credit = LogisticGame(Eigen::Vector2d(1, 2), 0).Shapley();
  EXPECT_NEAR(credit[0], 0.2215155, 1e-6);
  EXPECT_NEAR(credit[1], 0.6836327, 1e-6);
}

TEST(LogisticGame, EqualAgentsShareTheWhole) {
  const std::vector<double> credit = LogisticGame(Eigen::VectorXd::Constant(64, 5.0), 2).Shapley();
  for (const double value : credit) EXPECT_NEAR(value, 1.0 / 64, 1e-9);
}

TEST(LogisticGame, AgentsWithoutWeightGetNothing) {
  for (const double value : LogisticGame(Eigen::VectorXd::Zero(20), 1).Shapley()) {
    EXPECT_EQ(value, 0);
  }
}

TEST(LogisticGame, SensitivityIsNearTheDifferenceOfShapleyValues) {
  constexpr int kAgents = 30;
  constexpr double kStep = 1e-4;
  Eigen::VectorXd weights(kAgents);
  for (int i = 0; i < kAgents; ++i) weights[i] = 0.3 + 0.05 * i;
  const Eigen::MatrixXd sensitivity = LogisticGame(weights, 0.7).Sensitivity();
  const double largest = sensitivity.cwiseAbs().maxCoeff();
  for (int k = 0; k <= kAgents; ++k) {
    Eigen::VectorXd up = weights;
    Eigen::VectorXd down = weights;
    if (k < kAgents) up[k] += kStep, down[k] -= kStep;
    const double shift = k == kAgents ? kStep : 0;
    const std::vector<double> above = LogisticGame(up, 0.7 + shift).Shapley();
    const std::vector<double> below = LogisticGame(down, 0.7 - shift).Shapley();
    for (int i = 0; i < kAgents; ++i) {
      EXPECT_NEAR(sensitivity(i, k), (above[i] - below[i]) / (2 * kStep), 0.03 * largest);
    }
  }
}

TEST(GaussLegendre, IntegratesPolynomialsOfItsDegree) {
  for (const int count : {1, 2, 7, 34}) {
    const Quadrature quadrature = GaussLegendre(count);
    const int degree = 2 * count - 1;
    double integral = 0;
    for (int k = 0; k < count; ++k) {
      integral += quadrature.weights[k] * std::pow(quadrature.nodes[k], degree);
    }
    EXPECT_NEAR(integral, 1.0 / (degree + 1), 1e-13);
  }
}

// A vote in which an agent of 8 votes, and the others of 1 to 3: the chance that the votes before
// an agent in a random order are just so many that its own carry the majority.
std::vector<double> VoteCredit(const std::vector<int>& votes, int quota) {
  const int n = static_cast<int>(votes.size());
  const std::vector<double> by_size = ShapleyWeights(n);
  std::vector<double> credit(n);
  for (int i = 0; i < n; ++i) {
    std::vector<std::vector<double>> count(n, std::vector<double>(quota));
    count[0][0] = 1;
    for (int j = 0; j < n; ++j) {
      if (j == i) continue;
      for (int size = n - 2; size >= 0; --size) {
        for (int sum = quota - 1 - votes[j]; sum >= 0; --sum) {
          count[size + 1][sum + votes[j]] += count[size][sum];
        }
      }
    }
    for (int size = 0; size < n; ++size) {
      for (int sum = std::max(0, quota - votes[i]); sum < quota; ++sum) {
        credit[i] += by_size[size] * count[size][sum];
      }
    }
  }
  return credit;
}

// With 8 questions an agent the threshold of a vote is seen; without a model for it the squared
// errors are .0032, .0019 and .00084.
TEST(OddBayes, FindsTheThresholdOfAVoteOfManyAgents) {
  for (const int n : {15, 24, 40}) {
    std::vector<int> votes(n, 1);
    votes[0] = 8;
    for (int i = 1; i < n; ++i) votes[i] = 1 + i % 3;
    const int quota = std::accumulate(votes.begin(), votes.end(), 0) / 2 + 1;
    const std::vector<double> truth = VoteCredit(votes, quota);
    ASSERT_NEAR(std::accumulate(truth.begin(), truth.end(), 0.0), 1, 1e-9);
    const auto value = [&](const PlayerSet& players) {
      int sum = 0;
      for (int i = 0; i < n; ++i) sum += players.contains(i) ? votes[i] : 0;
      return sum >= quota ? 1.0 : 0.0;
    };
    auto plan =
        *MakeCreditPlan({.n = n, .method = Method::kOddBayes, .max_questions = 8 * n, .seed = 3});
    Drive(*plan, value);
    const CreditEstimate estimate = *plan->finish();
    double error = 0;
    for (int i = 0; i < n; ++i) error += std::pow(estimate.values[i] - truth[i], 2) / n;
    EXPECT_LT(error, 5e-4) << n;
  }
}

}  // namespace
}  // namespace assay::credit
