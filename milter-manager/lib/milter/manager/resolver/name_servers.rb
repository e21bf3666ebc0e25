# frozen_string_literal: true

require "ipaddr"

module Milter
  module Manager
    class Resolver
      # Address and port of a name server.
      Server = Struct.new(:address, :port) do
        # "ADDRESS", "ADDRESS:PORT" (IPv4) or "[ADDRESS]:PORT"; nil when it is none of these.
        def self.parse(text)
          match = /\A(?:\[(?<six>[^\]]+)\]|(?<four>[\d.]+))(?::(?<port>\d{1,5}))?\z/.match(text)
          address = match ? match[:six] || match[:four] : text
          port = (match && match[:port] || 53).to_i
          IPAddr.new(address)
          new(address, port) if port.between?(1, 65_535) && !address.include?("/")
        rescue IPAddr::Error
          nil
        end

        def ipv6? = address.include?(":")
        def to_s = ipv6? ? "[#{address}]:#{port}" : "#{address}:#{port}"
      end

      # Name servers that the configuration names.
      class FixedServers
        attr_reader :servers

        def initialize(servers)
          @servers = servers
        end

        def to_s = servers.join(", ")
      end

      # Those of the system, read again when the file has changed.
      class SystemServers
        PATH = "/etc/resolv.conf"
        MOST = 3 # as the C library has it
        LOOK_AGAIN = 5 # s

        def self.parse(text)
          found = text.scan(/^\s*nameserver\s+(\S+)/).map { |(address)| Server.parse(address) }
          found = found.compact.first(MOST)
          found.empty? ? [Server.new("127.0.0.1", 53)] : found
        end

        def initialize(path = PATH)
          @path = path
        end

        def servers
          now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
          if @looked.nil? || now - @looked > LOOK_AGAIN
            @looked = now
            read_if_changed
          end
          @servers
        end

        def to_s = "#{servers.join(", ")} (#{@path})"

        private

        def read_if_changed
          changed = File.mtime(@path)
          return if changed == @changed

          @changed = changed
          @servers = self.class.parse(File.read(@path, encoding: Encoding::BINARY))
        rescue SystemCallError
          @changed = nil
          @servers ||= self.class.parse("")
        end
      end
    end
  end
end
