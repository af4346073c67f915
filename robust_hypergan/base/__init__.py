"""What everything else uses: errors, files that are whole or absent, memory, signals, processes."""
