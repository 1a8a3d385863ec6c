// SPDX-License-Identifier: Apache-2.0
#pragma once

// Classes and stubs that protoc generates from proto/ioswarm.proto, as ioswarm_gen::RegisterRequest and so on.
// Their protobuf package is still ioswarm, because the method paths need it. Only the C++ namespace is renamed;
// the target ioswarm_proto_gen does the same.
#define ioswarm ioswarm_gen
#include "ioswarm.grpc.pb.h"
#include "ioswarm.pb.h"
#undef ioswarm
