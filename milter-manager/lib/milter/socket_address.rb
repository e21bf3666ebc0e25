# frozen_string_literal: true

require "ipaddr"

module Milter
  # Addresses as conditions see them (configuration section 7).
  module SocketAddress
    # The address of a connect command: family and address as on the wire.
    def self.from_wire(family, port, address)
      case family
      when "4" then IPv4.new(address, port)
      when "6" then IPv6.new(address.delete_prefix("IPv6:"), port)
      when "L" then Unix.new(address)
      else Unknown.new
      end
    rescue IPAddr::Error
      Unknown.new
    end

    # What all kinds have in common: questions with the answer no, equality by content.
    class Base
      def ipv4? = false
      def ipv6? = false
      def unix? = false
      def unknown? = false
      def local? = false
      def to_ip_address = nil

      def ==(other)
        other.class == self.class && other.to_s == to_s
      end
      alias eql? ==

      def hash = to_s.hash
      def inspect = "#<#{self.class} #{self}>"
    end

    # An Internet address; the subclasses say which networks are local.
    class Internet < Base
      attr_reader :address, :port

      def initialize(address, port)
        super()
        @ip_address = IPAddr.new(address)
        raise IPAddr::InvalidAddressError, address unless proper_family?

        @address = address
        @port = port
      end

      def local?
        self.class::LOCAL_NETWORKS.any? { |network| network.include?(@ip_address) }
      end

      def to_ip_address = @ip_address
    end

    # inet:PORT@[ADDRESS]
    class IPv4 < Internet
      LOCAL_NETWORKS = %w[127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16]
                       .map { |network| IPAddr.new(network) }.freeze

      def ipv4? = true
      def to_s = "inet:#{@port}@[#{@address}]"

      private

      def proper_family? = @ip_address.ipv4?
    end

    # inet6:PORT@[ADDRESS]
    class IPv6 < Internet
      LOCAL_NETWORKS = %w[::1 fe80::/10 fc00::/7].map { |network| IPAddr.new(network) }.freeze

      def ipv6? = true
      def to_s = "inet6:#{@port}@[#{@address}]"

      private

      def proper_family? = @ip_address.ipv6?
    end

    # unix:PATH
    class Unix < Base
      attr_reader :path

      def initialize(path)
        super()
        @path = path
      end

      def unix? = true
      def local? = true
      def to_s = "unix:#{@path}"
    end

    # The MTA did not say, or said something that is no address.
    class Unknown < Base
      def unknown? = true
      def to_s = "unknown"
    end
  end
end
