module adapterqueue

go 1.24

require libpeft.org/go/peft v0.0.0

replace libpeft.org/go/peft => ../../../bindings/go
