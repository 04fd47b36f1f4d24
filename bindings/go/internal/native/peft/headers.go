// Package peft holds the C headers that the generated code was made from.
package peft
