# frozen_string_literal: true

require "ipaddr"

module Milter
  module Manager
    module Conditions
      # Does the client connect from outside?  The remote list beats the local
      # list and the built-in local networks.
      class RemoteNetwork
        def initialize
          @local = []
          @remote = []
        end

        def add_local_address(address) = @local << network(address)
        def add_remote_address(address) = @remote << network(address)

        def remote?(address)
          ip_address = address.to_ip_address&.native
          return false if ip_address.nil?
          return true if listed?(@remote, ip_address)

          !(listed?(@local, ip_address) || address.local?)
        end

        private

        def network(address)
          address.is_a?(IPAddr) ? address : IPAddr.new(address.to_s)
        rescue IPAddr::Error => e
          raise InvalidValue, "remote_network: #{address.inspect} is neither an address nor a " \
                              "network: #{e.message[/\A[^:]*/]}"
        end

        def listed?(networks, address)
          networks.any? { |network| network.family == address.family && network.include?(address) }
        end
      end
    end
  end
end
