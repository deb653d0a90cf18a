// Histograms as HdrHistogram's tools read them: the V2 encoding, and the histogram log, format version 1.3.
#pragma once

#include "distsys/runtime/clock.hpp"
#include "histogram.hpp"
#include "timeline.hpp"

#include <string>
#include <string_view>

namespace distsys::roles::loadgen {

/// HdrHistogram's V2 encoding (AbstractHistogram.encodeIntoByteBuffer): a header of 40 bytes, then the counts as
/// ZigZag LEB128 numbers, runs of zeros as their negative length. Values in microseconds.
std::string encode_hdr(const histogram& h);
/// The same by zlib, with the header of the compressed form, in base64: one cell of a histogram log.
std::string encode_hdr_compressed(const histogram& h);

/// A whole log: a line an interval of the timeline, in which something was answered. Values are microseconds; the
/// column Interval_Max is in milliseconds.
std::string hdr_log(const timeline& line, runtime::timestamp start, std::string_view producer);

}  // namespace distsys::roles::loadgen
