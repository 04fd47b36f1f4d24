// cuDNN's graph API on cudnn_program.h: descriptors with the attributes that lib/cuda sets, no others, each checked for
// its type and count.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "cudnn_graph.h"
#include "cudnn_program.h"
#include "queue.h"

namespace cuda_emulator {

struct CudnnHandle {
  cudaStream_t stream = nullptr;
};

namespace {

struct Node;
using Link = std::shared_ptr<Node>;
struct Attribute {
  cudnnBackendAttributeType_t type;
  std::string bytes;
  std::vector<Link> links;
};
// What a descriptor is a handle of; others may refer to it for longer.
struct Node {
  cudnnBackendDescriptorType_t type;
  bool finalized = false;
  std::map<int, Attribute> attributes;
  std::shared_ptr<const CudnnProgram> program;  // of graphs and what is made of them

  bool has(int name) const { return attributes.count(name) > 0; }
  template <typename T>
  T value(int name, T otherwise = {}) const {
    if (has(name)) std::memcpy(&otherwise, attributes.at(name).bytes.data(), sizeof(T));
    return otherwise;
  }
  template <typename T>
  std::vector<T> values(int name) const {
    const std::string& bytes = attributes.at(name).bytes;
    std::vector<T> result(bytes.size() / sizeof(T));
    std::memcpy(result.data(), bytes.data(), bytes.size());
    return result;
  }
  const Node& link(int name) const { return *attributes.at(name).links[0]; }
};

struct Rule {
  int descriptor, name, type;
  int64_t least, most;
  bool wanted;
};
constexpr int link_type = CUDNN_TYPE_BACKEND_DESCRIPTOR;
constexpr Rule rules[] = {
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, 1, true},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, 4, true},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, 4, true},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, 1, true},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, 1, true},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, 1, false},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_IS_BY_VALUE, CUDNN_TYPE_BOOLEAN, 1, 1, false},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_RAGGED_OFFSET_DESC, link_type, 1, 1, false},
    {CUDNN_BACKEND_POINTWISE_DESCRIPTOR, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, 1, true},
    {CUDNN_BACKEND_POINTWISE_DESCRIPTOR, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, 1, true},
    {CUDNN_BACKEND_POINTWISE_DESCRIPTOR, CUDNN_ATTR_POINTWISE_AXIS, CUDNN_TYPE_INT64, 1, 1, false},
    {CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, link_type, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, link_type, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, link_type, 1, 1, false},
    {CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_TDESC, link_type, 1, 1, false},
    {CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, link_type, 1, 1, true},
    {CUDNN_BACKEND_REDUCTION_DESCRIPTOR, CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, 1, 1, true},
    {CUDNN_BACKEND_REDUCTION_DESCRIPTOR, CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR, CUDNN_ATTR_OPERATION_REDUCTION_DESC, link_type, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR, CUDNN_ATTR_OPERATION_REDUCTION_XDESC, link_type, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR, CUDNN_ATTR_OPERATION_REDUCTION_YDESC, link_type, 1, 1, true},
    {CUDNN_BACKEND_MATMUL_DESCRIPTOR, CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, 1, true},
    {CUDNN_BACKEND_MATMUL_DESCRIPTOR, CUDNN_ATTR_MATMUL_PADDING_VALUE, CUDNN_TYPE_DOUBLE, 1, 1, false},
    {CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR, CUDNN_ATTR_OPERATION_MATMUL_DESC, link_type, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR, CUDNN_ATTR_OPERATION_MATMUL_ADESC, link_type, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR, CUDNN_ATTR_OPERATION_MATMUL_BDESC, link_type, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR, CUDNN_ATTR_OPERATION_MATMUL_CDESC, link_type, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR, CUDNN_ATTR_OPERATION_MATMUL_GEMM_M_OVERRIDE_DESC, link_type, 1, 1,
     false},
    {CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR, CUDNN_ATTR_OPERATION_MATMUL_GEMM_N_OVERRIDE_DESC, link_type, 1, 1,
     false},
    {CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR, CUDNN_ATTR_OPERATION_MATMUL_GEMM_K_OVERRIDE_DESC, link_type, 1, 1,
     false},
    {CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR, CUDNN_ATTR_OPERATION_RESHAPE_XDESC, link_type, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR, CUDNN_ATTR_OPERATION_RESHAPE_YDESC, link_type, 1, 1, true},
    {CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, 1, true},
    {CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, CUDNN_ATTR_OPERATIONGRAPH_OPS, link_type, 1, 100, true},
    {CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, link_type, 1, 1, true},
    {CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, 1, true},
    {CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, link_type, 1, 1, true},
    {CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, 1, 100, true},
    {CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, 1, 100, true},
    {CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, 1, true},
};

int64_t size_of(int type) {
  switch (type) {
    case CUDNN_TYPE_BOOLEAN:
      return 1;
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_DOUBLE:
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR:
      return 8;
    default:  // enumerations
      return 4;
  }
}

thread_local std::string last_words;
cudnnStatus_t refuse(cudnnStatus_t status, const std::string& what) {
  last_words = what;
  std::fprintf(stderr, "cuda emulator: cuDNN: %s\n", what.c_str());
  return status;
}
// As a test asks for, in $CUDNN_EMULATED_FAULT: the name of the call that fails.
bool fault(const char* call) {
  const char* asked = std::getenv("CUDNN_EMULATED_FAULT");
  return asked && std::strcmp(asked, call) == 0;
}

Node& node_of(cudnnBackendDescriptor_t descriptor) { return **static_cast<Link*>(descriptor); }

int64_t add_tensor(const Node& node, CudnnProgram& program) {
  CudnnTensor t;
  t.name = node.value<int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID);
  t.alignment = node.value<int64_t>(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT);
  t.type = node.value<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE);
  const auto dimensions = node.values<int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS),
             strides = node.values<int64_t>(CUDNN_ATTR_TENSOR_STRIDES);
  std::copy(dimensions.begin(), dimensions.end(), t.dimensions.begin());
  std::copy(strides.begin(), strides.end(), t.strides.begin());
  t.is_virtual = node.value<bool>(CUDNN_ATTR_TENSOR_IS_VIRTUAL);
  t.by_value = node.value<bool>(CUDNN_ATTR_TENSOR_IS_BY_VALUE);
  if (node.has(CUDNN_ATTR_TENSOR_RAGGED_OFFSET_DESC))
    t.offsets = add_tensor(node.link(CUDNN_ATTR_TENSOR_RAGGED_OFFSET_DESC), program);
  program.tensor(t);
  return t.name;
}

CudnnOperation read_operation(const Node& node, CudnnProgram& program) {
  const auto tensor = [&](int name) { return node.has(name) ? add_tensor(node.link(name), program) : int64_t{0}; };
  CudnnOperation o{};
  if (node.type == CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR) {
    const Node& kind = node.link(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
    o.kind = CudnnOperationKind::pointwise;
    o.mode = kind.value<int>(CUDNN_ATTR_POINTWISE_MODE);
    o.axis = kind.value<int64_t>(CUDNN_ATTR_POINTWISE_AXIS, -1);
    o.x = tensor(CUDNN_ATTR_OPERATION_POINTWISE_XDESC);
    o.b = tensor(CUDNN_ATTR_OPERATION_POINTWISE_BDESC);
    o.t = tensor(CUDNN_ATTR_OPERATION_POINTWISE_TDESC);
    o.y = tensor(CUDNN_ATTR_OPERATION_POINTWISE_YDESC);
  } else if (node.type == CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR) {
    o.kind = CudnnOperationKind::reduction;
    o.mode = node.link(CUDNN_ATTR_OPERATION_REDUCTION_DESC).value<int>(CUDNN_ATTR_REDUCTION_OPERATOR);
    o.x = tensor(CUDNN_ATTR_OPERATION_REDUCTION_XDESC);
    o.y = tensor(CUDNN_ATTR_OPERATION_REDUCTION_YDESC);
  } else if (node.type == CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR) {
    o.kind = CudnnOperationKind::matmul;
    o.x = tensor(CUDNN_ATTR_OPERATION_MATMUL_ADESC);
    o.b = tensor(CUDNN_ATTR_OPERATION_MATMUL_BDESC);
    o.y = tensor(CUDNN_ATTR_OPERATION_MATMUL_CDESC);
    o.m = tensor(CUDNN_ATTR_OPERATION_MATMUL_GEMM_M_OVERRIDE_DESC);
    o.n = tensor(CUDNN_ATTR_OPERATION_MATMUL_GEMM_N_OVERRIDE_DESC);
    o.k = tensor(CUDNN_ATTR_OPERATION_MATMUL_GEMM_K_OVERRIDE_DESC);
  } else {
    o.kind = CudnnOperationKind::reshape;
    o.x = tensor(CUDNN_ATTR_OPERATION_RESHAPE_XDESC);
    o.y = tensor(CUDNN_ATTR_OPERATION_RESHAPE_YDESC);
  }
  return o;
}

cudnnStatus_t make_program(Node& graph) {
  auto program = std::make_shared<CudnnProgram>();
  for (const Link& link : graph.attributes.at(CUDNN_ATTR_OPERATIONGRAPH_OPS).links)
    program->operation(read_operation(*link, *program));
  program->finish();
  if (!program->problem().empty()) return refuse(CUDNN_STATUS_BAD_PARAM, program->problem());
  graph.program = std::move(program);
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace
}  // namespace cuda_emulator

using namespace cuda_emulator;

extern "C" {

size_t cudnnGetVersion() { return 91900; }
const char* cudnnGetErrorString(cudnnStatus_t status) {
  switch (CUDNN_STATUS_CATEGORY(status)) {
    case CUDNN_STATUS_SUCCESS:
      return "CUDNN_STATUS_SUCCESS";
    case CUDNN_STATUS_BAD_PARAM:
      return "CUDNN_STATUS_BAD_PARAM";
    case CUDNN_STATUS_NOT_SUPPORTED:
      return "CUDNN_STATUS_NOT_SUPPORTED";
    default:
      return "CUDNN_STATUS_EXECUTION_FAILED";
  }
}
void cudnnGetLastErrorString(char* message, size_t size) { std::snprintf(message, size, "%s", last_words.c_str()); }

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  *handle = new CudnnHandle;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  delete handle;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t* descriptor) {
  auto node = std::make_shared<Node>();
  node->type = type;
  *descriptor = new Link(std::move(node));
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor) {
  delete static_cast<Link*>(descriptor);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t count, const void* values) {
  Node& node = node_of(descriptor);
  const std::string place = "attribute " + std::to_string(name) + " of descriptor " + std::to_string(node.type);
  if (node.finalized) return refuse(CUDNN_STATUS_BAD_PARAM, place + ": it is finalized");
  for (const Rule& rule : rules) {
    if (rule.descriptor != node.type || rule.name != name) continue;
    if (rule.type != type) return refuse(CUDNN_STATUS_BAD_PARAM, place + ": type");
    if (count < rule.least || count > rule.most) return refuse(CUDNN_STATUS_BAD_PARAM, place + ": count");
    Attribute attribute{type, {}, {}};
    if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
      for (int64_t i = 0; i < count; ++i) {
        const Link& link = *static_cast<Link*>(static_cast<void* const*>(values)[i]);
        if (!link->finalized) return refuse(CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, place);
        attribute.links.push_back(link);
      }
    } else {
      attribute.bytes.assign(static_cast<const char*>(values), static_cast<size_t>(count * size_of(type)));
    }
    node.attributes[name] = std::move(attribute);
    return CUDNN_STATUS_SUCCESS;
  }
  return refuse(CUDNN_STATUS_BAD_PARAM, place + ": unknown");
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor) {
  Node& node = node_of(descriptor);
  for (const Rule& rule : rules)
    if (rule.descriptor == node.type && rule.wanted && !node.has(rule.name))
      return refuse(CUDNN_STATUS_BAD_PARAM, "attribute " + std::to_string(rule.name) + " is missing");
  if (node.type == CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR)
    if (const cudnnStatus_t status = make_program(node); status != CUDNN_STATUS_SUCCESS) return status;
  if (node.type == CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR)
    node.program = node.link(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH).program;
  if (node.type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) {
    if (fault("plan")) return refuse(CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN, "a test wants no plan");
    node.program = node.link(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG).program;
  }
  node.finalized = true;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t wanted, int64_t* count, void* values) {
  const Node& node = node_of(descriptor);
  if (!node.finalized) return refuse(CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, "cudnnBackendGetAttribute");
  *count = 1;
  if (name == CUDNN_ATTR_ENGINEHEUR_RESULTS && type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
    if (wanted == 0) return CUDNN_STATUS_SUCCESS;
    Node& result = node_of(*static_cast<cudnnBackendDescriptor_t*>(values));
    if (result.type != CUDNN_BACKEND_ENGINECFG_DESCRIPTOR) return refuse(CUDNN_STATUS_BAD_PARAM, "results");
    result.program = node.program;
    result.finalized = true;
    return CUDNN_STATUS_SUCCESS;
  }
  if (name != CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE || type != CUDNN_TYPE_INT64 || wanted != 1)
    return refuse(CUDNN_STATUS_BAD_PARAM, "cudnnBackendGetAttribute " + std::to_string(name));
  const int64_t bytes = node.program->workspace_bytes();
  std::memcpy(values, &bytes, sizeof bytes);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan, cudnnBackendDescriptor_t pack) {
  const std::lock_guard lock(big_lock());
  const Node &plan_node = node_of(plan), &pack_node = node_of(pack);
  if (!plan_node.finalized || !pack_node.finalized) return refuse(CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, "execute");
  if (fault("execute")) return refuse(CUDNN_STATUS_EXECUTION_FAILED, "a test wants it so");
  const std::shared_ptr<const CudnnProgram> program = plan_node.program;
  const auto names = pack_node.values<int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  const auto pointers = pack_node.values<std::byte*>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  if (names.size() != pointers.size()) return refuse(CUDNN_STATUS_BAD_PARAM, "as many names as addresses");
  std::map<int64_t, std::byte*> addresses;
  for (size_t i = 0; i < names.size(); ++i) addresses[names[i]] = pointers[i];
  std::map<int64_t, int32_t> numbers;
  for (const auto& [name, t] : program->tensors()) {
    if (t.is_virtual) continue;
    const std::string place = "the address of tensor " + std::to_string(name);
    if (addresses.count(name) == 0) return refuse(CUDNN_STATUS_BAD_PARAM, place + " is missing");
    if (t.by_value) {
      std::memcpy(&numbers[name], addresses[name], 4);
    } else if (!is_device_memory(addresses[name], 1) ||
               reinterpret_cast<uintptr_t>(addresses[name]) % static_cast<uintptr_t>(t.alignment) != 0) {
      return refuse(CUDNN_STATUS_BAD_PARAM, place);
    }
  }
  if (numbers.size() + static_cast<size_t>(std::count_if(program->tensors().begin(), program->tensors().end(),
                                                         [](const auto& entry) {
                                                           return !entry.second.is_virtual && !entry.second.by_value;
                                                         })) != addresses.size())
    return refuse(CUDNN_STATUS_BAD_PARAM, "the address of a tensor that is not of the graph");
  auto* const workspace = pack_node.value<std::byte*>(CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
  const auto bytes = static_cast<size_t>(program->workspace_bytes());
  if (!is_device_memory(workspace, bytes)) return refuse(CUDNN_STATUS_BAD_PARAM, "the workspace");
  for (const auto& [name, address] : addresses)
    if (address >= workspace && address < workspace + bytes)
      return refuse(CUDNN_STATUS_BAD_PARAM, "tensor " + std::to_string(name) + " lies in the workspace");
  const cudaError_t error = enqueue(handle->stream, [program, addresses, numbers, workspace, bytes]() mutable {
    std::memset(workspace, 0xff, bytes);  // what else is there is lost
    for (auto& [name, number] : numbers) addresses[name] = reinterpret_cast<std::byte*>(&number);
    program->run(addresses);
  });
  return error == cudaSuccess ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_EXECUTION_FAILED;
}

}  // extern "C"
