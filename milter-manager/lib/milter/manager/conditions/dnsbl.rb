# frozen_string_literal: true

require "ipaddr"

module Milter
  module Manager
    module Conditions
      # Is the client on a list that is published by DNS?  A list that does not
      # answer in time does not list it.
      class DNSBL
        # zone => network that the answer has to be in
        SERVICES = {
          "zen.spamhaus.org" => "127.0.0.10/31",
          "dnsbl.sorbs.net" => "127.0.0.10",
          "bl.spamcop.net" => "127.0.0.2",
          "b.barracudacentral.org" => "127.0.0.2"
        }.freeze

        # s: the answer has to be there before the condition's own time is over,
        # because that counts as false for "Not DNSBL Listed" as well.
        TIME_LIMIT = 5.0
        MARGIN = 0.97

        DOMAIN = /\A(?=.{1,180}\z)[\w-]{1,63}(?:\.[\w-]{1,63})*\.?\z/
        private_constant :DOMAIN

        Service = Struct.new(:domain, :expected) do
          def lists?(answer)
            answer.found? &&
              (expected.nil? || answer.values.any? { |value| expected.include?(value) })
          end
        end

        # [Service, ...]
        attr_reader :services

        # manager: for its condition_timeout
        def initialize(manager)
          @manager = manager
          @services = []
          SERVICES.each { |domain, expected| add_service(domain, expected) }
        end

        # expected: address or network; nil: any answer means that the client is listed.
        def add_service(domain, expected = nil)
          domain = domain.to_s.downcase
          unless DOMAIN.match?(domain)
            raise InvalidValue, "dnsbl.add_service: #{domain.inspect} is no name of a domain"
          end

          @services << Service.new(domain.delete_suffix("."), network(expected))
        end

        # Without services nobody is listed.
        def clear = @services.clear

        def name_server=(server)
          self.name_servers = server.nil? ? [] : [server]
        end

        # "ADDRESS", "ADDRESS:PORT" or "[ADDRESS]:PORT"; none: those of the system.
        def name_servers=(servers)
          parsed = Array(servers).map do |server|
            Resolver::Server.parse(server.to_s) ||
              raise(InvalidValue, "dnsbl.name_servers: #{server.inspect} is no address of a name " \
                                  "server: \"ADDRESS\", \"ADDRESS:PORT\" or \"[ADDRESS]:PORT\"")
          end
          @name_servers = parsed.empty? ? nil : parsed.freeze
        end

        # address: a socket address.  Waits; from conditions only.
        def listed?(address)
          return false if @services.empty?

          prefix = reverse(address)
          return false unless prefix

          resolver = Resolver.for(@name_servers)
          questions = @services.map do |service|
            ["#{prefix}.#{service.domain}", Resolv::DNS::Resource::IN::A]
          end
          resolver.any?(questions, time_limit) do |index, answer|
            @services[index].lists?(answer).tap { |listed| report(address, index, answer) if listed }
          end
        end

        private

        def network(expected)
          return expected if expected.nil? || expected.is_a?(IPAddr)

          IPAddr.new(expected.to_s)
        rescue IPAddr::Error
          raise InvalidValue, "dnsbl.add_service: expected should be an address or a network but " \
                              "was #{expected.inspect}"
        end

        # The octets of an IPv4 address or the nibbles of an IPv6 address, last
        # first; nil for what is no address.  IPAddr's regular expressions would
        # double the stack of each of the many fibers that wait here.
        def reverse(address)
          octets = address.ipv4? ? address.address.split(".") : []
          return octets.reverse.join(".") if octets.size == 4 && octets.all? { |octet| octet.to_i < 256 }

          ip_address = address.to_ip_address&.native
          return if ip_address.nil?
          return ip_address.hton.bytes.reverse.join(".") if ip_address.ipv4?

          ip_address.hton.unpack1("H*").reverse.chars.join(".")
        end

        def time_limit
          timeout = @manager.condition_timeout
          [TIME_LIMIT, *(timeout if timeout.positive?)].min * MARGIN
        end

        def report(address, index, answer)
          Logger.info do
            "[dnsbl] #{address.address} is listed in #{@services[index].domain}: #{answer.values.first}"
          end
        end
      end
    end
  end
end
