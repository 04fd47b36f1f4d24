#include "meta/meta_backend.h"

namespace peft {

MetaDevice::MetaDevice(Device& target) : target_(target), memory_(std::make_shared<MetaMemory>()) {}

std::unique_ptr<Backend> MetaDevice::create_backend(int threads) {
  return std::make_unique<MetaBackend>(memory_, target_.create_backend(threads));
}

std::unique_ptr<MetaDevice> make_meta_device(Device& target) { return std::make_unique<MetaDevice>(target); }

}  // namespace peft
