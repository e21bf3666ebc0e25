# frozen_string_literal: true

module Milter
  module Manager
    module Conditions
      # Macros that Sendmail has and Postfix has not, for milters made for Sendmail.
      class SendmailCompatible
        NAMES = 100 # kept
        NAME_SECONDS = 300 # for which a name is kept
        TIME_LIMIT = 2.0 # s for a name

        Name = Struct.new(:text, :expires)
        private_constant :Name

        # manager: for its netstat_connection_checker
        def initialize(manager)
          @manager = manager
          @names = {}
        end

        # At connect: where the client is connected to.
        def fill_connection(context, address)
          return unless context.postfix? && !(context["if_addr"] && context["daemon_port"] && context["if_name"])

          local = @manager.netstat_connection_checker.local_end(address)
          fill(context, "if_addr", local&.local_address)
          fill(context, "daemon_port", local&.local_port)
          return if context["if_name"] || context["if_addr"].nil?

          fill(context, "if_name", name_of(context["if_addr"]))
        end

        # At MAIL, when Postfix has no queue id yet.
        def fill_queue_id(context)
          fill(context, "i", "dummy-id")
        end

        private

        def fill(context, macro, value)
          context[macro] = value if value && context[macro].nil?
        end

        # The name of an address, as Sendmail writes it: [ADDRESS] when it has none.
        def name_of(address)
          now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
          name = @names.delete(address)
          name = Name.new(look_up(address), now + NAME_SECONDS) if name.nil? || name.expires <= now
          @names.shift if @names.size >= NAMES
          @names[address] = name
          name.text
        end

        def look_up(address)
          ip_address = IPAddr.new(address)
          host = Resolv::Hosts.new.getname(ip_address.to_s)
        rescue IPAddr::Error
          "[#{address}]"
        rescue Resolv::ResolvError
          ask_for_name(ip_address)
        else
          host.to_s
        end

        def ask_for_name(ip_address)
          reverse = ip_address.ipv4? ? ip_address.reverse : ip_address.ip6_arpa
          answer = Resolver.for(nil).lookup(reverse, Resolv::DNS::Resource::IN::PTR, TIME_LIMIT)
          answer.values.first || "[#{ip_address}]"
        end
      end
    end
  end
end
