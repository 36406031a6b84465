"""The plant for other programs: an OPC UA server in the gateway process, on asyncua's codec and address space."""
