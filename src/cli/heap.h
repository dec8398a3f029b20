// How the command line's heap grows.
#pragma once

namespace pumice::cli {

/// Called before a verb that builds much and then ends: the heap takes memory in large steps and large
/// pages, and gives none back while it runs. Without it a conversion spends a tenth of its time in page
/// faults. Where the system does not grant it, nothing changes.
void prepare_heap();

}  // namespace pumice::cli
