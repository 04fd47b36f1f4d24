#include "meta/meta_backend.h"

namespace peft {

MetaDevice::MetaDevice(Device& target)
    : target_(target),
      memory_(std::make_shared<MetaMemory>(target.kind() == DeviceKind::cuda)),
      pinned_(std::make_shared<MetaMemory>()) {}

std::unique_ptr<Backend> MetaDevice::create_backend(int threads) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const Backend>& target = targets_[threads];
  if (!target) target = target_.create_backend(threads);
  return std::make_unique<MetaBackend>(memory_, pinned_, target, target_.backend_bytes());
}

std::unique_ptr<MetaDevice> make_meta_device(Device& target) { return std::make_unique<MetaDevice>(target); }

}  // namespace peft
