#ifndef ASSAY_SERVER_CREDIT_WIDE_VECTORS_H_
#define ASSAY_SERVER_CREDIT_WIDE_VECTORS_H_

// A function with this attribute is compiled twice, once for processors with vectors of four
// doubles and once for the others. What it adds up must be in a fixed order; as nothing is
// contracted, the bits are then the same. A sanitizer does not know the choice between the two,
// which is made before it has started: CMakeLists.txt defines ASSAY_SANITIZED.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(ASSAY_SANITIZED)
#define ASSAY_WIDE_VECTORS __attribute__((target_clones("avx2", "default")))
#else
#define ASSAY_WIDE_VECTORS
#endif

#endif  // ASSAY_SERVER_CREDIT_WIDE_VECTORS_H_
