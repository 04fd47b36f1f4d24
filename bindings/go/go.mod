module libpeft.org/go/peft

go 1.24
