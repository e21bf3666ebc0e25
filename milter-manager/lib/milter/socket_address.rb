# frozen_string_literal: true

require "ipaddr"

module Milter
  # Addresses as conditions see them (configuration section 7).
  module SocketAddress
    # The address of a connect command: family and address as on the wire.
    def self.from_wire(family, port, address)
      case family
      when "4" then IPv4.new(address, port) if address.match?(/\A\d{1,3}(?:\.\d{1,3}){3}\z/)
      when "6" then from_wire_ipv6(port, address.delete_prefix("IPv6:"))
      when "L" then Unix.new(address)
      end || Unknown.new
    end

    def self.from_wire_ipv6(port, address)
      IPv6.new(address, port) if address.match?(/\A[\h:.]*:[\h:.]*(?:%\w+)?\z/)
    end
    private_class_method :from_wire_ipv6

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
        @address = address
        @port = port
      end

      def local?
        ip_address = to_ip_address
        !ip_address.nil? && local_networks.any? { |network| network.include?(ip_address.native) }
      end

      # However the address is written.
      def ==(other)
        super || (other.class == self.class && other.port == port && !to_ip_address.nil? &&
                  other.to_ip_address == to_ip_address)
      end
      alias eql? ==

      def hash = [self.class, port, to_ip_address || address].hash

      # nil when the MTA sent something that only looks like an address.
      def to_ip_address
        @to_ip_address ||= IPAddr.new(@address)
      rescue IPAddr::Error
        nil
      end
    end

    # inet:PORT@[ADDRESS]
    class IPv4 < Internet
      LOCAL_NETWORKS = %w[127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16]
                       .map { |network| IPAddr.new(network) }.freeze

      def ipv4? = true
      def local_networks = LOCAL_NETWORKS
      def to_s = "inet:#{@port}@[#{@address}]"
    end

    # inet6:PORT@[ADDRESS]
    class IPv6 < Internet
      LOCAL_NETWORKS = %w[::1 fe80::/10 fc00::/7].map { |network| IPAddr.new(network) }.freeze

      def ipv6? = true
      # An IPv4 address in IPv6 is as local as it is itself.
      def local_networks = to_ip_address.ipv4_mapped? ? IPv4::LOCAL_NETWORKS : LOCAL_NETWORKS
      def to_s = "inet6:#{@port}@[#{@address}]"
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
