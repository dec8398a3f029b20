// The JSON form of protocol buffer messages, turned into the binary form that the readers take.
#pragma once

#include <string>
#include <string_view>

#include "formats/json/reader.h"
#include "pumice/error.h"

namespace pumice {

/// Takes the cursor's next value, an object, as the message type `message` of the text schema and
/// gives its binary form. Field names in either spelling (tensorShape, tensor_shape), 64-bit
/// integers as numbers or strings, enumerators by name or number, bytes as base64 (or as an array
/// of their values, which some writers of JavaScript give), maps as objects. Fields that the schema
/// does not list are skipped. Errors say line and column.
Result<std::string> json_to_wire(JsonReader* json, std::string_view message);

}  // namespace pumice
