// SPDX-License-Identifier: Apache-2.0
#pragma once

// Classes and stubs that protoc made of proto/ioswarm.proto, as ioswarm_gen::RegisterRequest and so on. Their
// package stays ioswarm (the method paths need it); only the C++ namespace is renamed, as the target
// ioswarm_proto_gen does too.
#define ioswarm ioswarm_gen
#include "ioswarm.grpc.pb.h"
#include "ioswarm.pb.h"
#undef ioswarm
