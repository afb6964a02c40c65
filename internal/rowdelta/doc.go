// Package rowdelta is the row-aware part of deduplication. It cuts a stream
// into chunks whose boundaries survive changes ([Cutter]), finds the chunks of
// an older stream that hold the same place ([Bases]), writes a chunk as copies
// out of older chunks plus new bytes ([Encoder], [Apply]), lays rows out column
// by column for a compressor ([Columns], [Uncolumns]), and sums rows without
// regard to their order ([RowSummer]).
//
// It knows nothing of compression, encryption or storage. The forms it writes
// are part of the repository's format, see FORMAT.md of package repository.
package rowdelta
