# frozen_string_literal: true

require "ipaddr"
require "milter/manager/tables/lines"

module Milter
  module Manager
    # Networks and what to do with them, as in Postfix' cidr_table(5):
    #   ADDRESS[/LENGTH] ACTION
    class PostfixCIDRTable
      include TableLines

      def initialize
        @entries = []
      end

      def parse(io, path = "-")
        each_logical_line(io) do |line, number|
          network, action = line.split(/\s+/, 2)
          invalid_format(path, number, line) unless action
          @entries << [network_of(network, path, number, line), action]
        end
        self
      end

      # address: a socket address, an IPAddr or text; the action or nil.
      def find(address)
        ip_address = ip_address_of(address)&.native
        return unless ip_address

        entry = @entries.find do |network, _|
          network.family == ip_address.family && network.include?(ip_address)
        end
        entry&.last
      end

      private

      def network_of(text, path, number, line)
        IPAddr.new(text)
      rescue IPAddr::Error => e
        invalid_value(path, number, line, e.message[/\A[^:]*/], text)
      end

      def ip_address_of(address)
        return address.to_ip_address if address.respond_to?(:to_ip_address)

        address.is_a?(IPAddr) ? address : IPAddr.new(address)
      rescue IPAddr::Error
        nil
      end
    end
  end
end
