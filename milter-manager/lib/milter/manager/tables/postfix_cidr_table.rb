# frozen_string_literal: true

require "ipaddr"
require "milter/manager/tables/lines"

module Milter
  module Manager
    # Networks and what to do with them, as in Postfix' cidr_table(5):
    #   [!]ADDRESS[/LENGTH] ACTION
    #   if [!]ADDRESS[/LENGTH] ... endif
    class PostfixCIDRTable
      include TableLines

      PATTERN = %r{(?<not>!)?\s*(?<network>\[?(?<address>[\h:.]+)\]?(?:/(?<length>[^\s/]+))?)}
      private_constant :PATTERN

      # One network with its ACTION, or with the entries between if and endif.
      Entry = Struct.new(:network, :negated, :action, :entries) do
        # Like Postfix, "!" is about addresses of the same family only.
        def match?(address)
          network.family == address.family && network.include?(address) != negated
        end
      end
      private_constant :Entry

      def initialize
        @entries = []
      end

      def parse(io, path = "-")
        each_nested_line(io, path, @entries) do |line, number, open|
          case line
          when /\Aif\s*#{PATTERN}\s*\z/i then open_if(entry_of(Regexp.last_match, path, number, line), open)
          when /\A#{PATTERN}\s+(?<action>.+)\z/
            open.last << entry_of(Regexp.last_match, path, number, line)
          else refuse(line, path, number)
          end
        end
      end

      # address: a socket address, an IPAddr or text; the action or nil.
      def find(address)
        ip_address = ip_address_of(address)&.native
        ip_address && find_in(@entries, ip_address)
      end

      private

      def find_in(entries, address)
        entries.each do |entry|
          next unless entry.match?(address)

          action = entry.entries ? find_in(entry.entries, address) : entry.action
          return action if action
        end
        nil
      end

      def entry_of(match, path, number, line)
        action = match[:action] if match.names.include?("action")
        Entry.new(network_of(match, path, number, line), !match[:not].nil?, action)
      end

      # What Postfix would leave out with a warning is a mistake.
      def network_of(match, path, number, line)
        address = IPAddr.new(match[:address])
        return address unless match[:length]
        raise IPAddr::InvalidPrefixError, "invalid length" unless match[:length].match?(/\A\d+\z/)

        network = address.mask(match[:length].to_i)
        return network if network == address

        invalid_value(path, number, line, "the address has bits behind the length", match[:network])
      rescue IPAddr::Error => e
        invalid_value(path, number, line, e.message[/\A[^:]*/], match[:network])
      end

      # The error for a line that is none of the forms.
      def refuse(line, path, number)
        network, action = line.split(/\s+/, 2)
        invalid_format(path, number, line) unless action
        invalid_value(path, number, line, "invalid address", network)
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
