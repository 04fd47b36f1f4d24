//go:build race

package peft

const raceDetector = true
