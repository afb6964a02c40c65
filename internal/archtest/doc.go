// Package archtest holds the shape of the house: which package may import
// which, what a program must never link, and what the style guide asks of every
// file. It has only tests; a rule that is broken is named with its reason.
package archtest
