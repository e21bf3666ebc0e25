# frozen_string_literal: true

require "ipaddr"

module Milter
  module Manager
    # What define_policy defines: which milters see whose mail.  A milter runs as
    # long as one of the policies that list it may still hold; what a policy does
    # not set is not tested.
    class Policies
      CONDITION = "Policy"
      DESCRIPTION = "Apply policies defined by define_policy"
      SWEEP = 1024 # sessions remembered before those that are over are looked for

      # The receiver of policy.ITEM = VALUE.
      class Policy
        ITEMS = %i[milters host address fqdn from recipient].freeze

        attr_reader :name, :place, *ITEMS

        def initialize(name, place)
          @name = name
          @place = place
          @milters = []
        end

        (ITEMS - %i[milters address]).each do |item|
          define_method("#{item}=") { |wanted| instance_variable_set("@#{item}", checked(item, wanted)) }
        end

        # Names; nil is none.
        def milters=(names)
          @milters = Array(names).map(&:to_s)
        end

        # A network when it is one, else anything with ===.
        def address=(address)
          address = IPAddr.new(address) if address.is_a?(String)
          @address = address.is_a?(IPAddr) ? address.native : checked(:address, address)
        rescue IPAddr::Error, InvalidValue
          raise InvalidValue, "policy.address should be an address or a network but was #{address.inspect}"
        end

        def connect?(host, socket_address)
          return true if @host.nil? && @address.nil?

          (!@host.nil? && @host === host) || (!@address.nil? && address?(socket_address))
        end

        def helo?(fqdn) = @fqdn.nil? || @fqdn === fqdn
        def from?(from) = mailbox?(@from, from)
        def recipient?(recipient) = mailbox?(@recipient, recipient)

        def inspect = "#<#{self.class} #{@name}>"

        def respond_to_missing?(*) = false

        def method_missing(name, *)
          close = Spelling.closest(name.to_s, ITEMS)
            hint = close ? " (did you mean policy.#{close}?)" : "; milter-manager.conf(5) lists them"
          raise NoMethodError, "unknown item: policy.#{name.to_s.delete_suffix("=")}#{hint}"
        end

        private

        # nil: not tested
        def checked(item, wanted)
          Matcher.check("policy.#{item}", wanted) unless wanted.nil?
          Matcher.warn_of_stars("policy.#{item}", wanted)
          wanted
        end

        def address?(socket_address)
          ip_address = socket_address.to_ip_address&.native
          return @address.match?(ip_address.to_s) if @address.is_a?(Regexp)
          return @address === socket_address unless @address.is_a?(IPAddr)

          !ip_address.nil? && @address.family == ip_address.family && @address.include?(ip_address)
        end

        # With the angle brackets of the protocol or without them.
        def mailbox?(wanted, address)
          wanted.nil? || wanted === address ||
            wanted === address.delete_prefix("<").delete_suffix(">")
        end
      end

      # The policies that may still hold in one child's side of a session, by
      # what was seen; nil: not seen.
      Remaining = Struct.new(:connect, :helo, :from)
      private_constant :Remaining

      def initialize
        @policies = {}
        @by_milter = {}
        @remaining = {} # by handle of the context
        @sweep_at = SWEEP
      end

      def any? = !@policies.empty?

      # Creates the policy or opens it again.
      def define(name)
        policy = @policies[name] ||= Policy.new(name, Locations.current)
        yield(policy) if block_given?
        policy
      end

      # At the end of the outermost file: the condition, and all milters under it.
      def apply(configuration)
        milters = configuration.defined_milters
        @policies.each_value { |policy| check(policy, milters) }
        @by_milter = milters.to_h do |name|
          [name, @policies.values.select { |policy| policy.milters.include?(name) }]
        end
        Locations.at(*@policies.values.first.place) { define_condition(configuration) }
        milters.each do |name|
          conditions = ConditionList.new(name)
          policy = @by_milter[name].first || @policies.values.first
          Locations.at(*policy.place) { conditions.add(CONDITION) } unless conditions.names.include?(CONDITION)
        end
      end

      # ---- the stoppers

      def connect_stop?(context, host, address)
        narrow(context, :connect, []) { |policy| policy.connect?(host, address) }
      end

      def helo_stop?(context, fqdn)
        narrow(context, :helo, %i[connect]) { |policy| policy.helo?(fqdn) }
      end

      def from_stop?(context, from)
        narrow(context, :from, %i[helo connect]) { |policy| policy.from?(from) }
      end

      def recipient_stop?(context, recipient)
        listing = listing(context)
        !listing.empty? &&
          remaining(context, listing, %i[from helo connect]).none? { |policy| policy.recipient?(recipient) }
      end

      # Nobody has said who may see what this milter would see.
      def data_stop?(context) = listing(context).empty?

      private

      def check(policy, milters)
        if policy.milters.empty?
          Manager.caution("#{policy.place.join(":")}: policy #{policy.name.inspect} has no milters: nothing follows " \
                          "from it; write policy.milters = [NAME, ...]")
        end
        unknown = policy.milters - milters
        return if unknown.empty?

        raise InvalidValue, "#{policy.place.join(":")}: policy.milters of #{policy.name.inspect} should be among " \
                            "#{milters.inspect} but was #{unknown.first.inspect}"
      end

      def define_condition(configuration)
        policies = self
        configuration.define_applicable_condition(CONDITION) do |condition|
          condition.description = DESCRIPTION
          condition.define_connect_stopper { |*arguments| policies.connect_stop?(*arguments) }
          condition.define_helo_stopper { |*arguments| policies.helo_stop?(*arguments) }
          condition.define_envelope_from_stopper { |*arguments| policies.from_stop?(*arguments) }
          condition.define_envelope_recipient_stopper { |*arguments| policies.recipient_stop?(*arguments) }
          condition.define_data_stopper { |context| policies.data_stop?(context) }
        end
      end

      # The policies that list the milter.
      def listing(context) = @by_milter.fetch(context.name, [])

      # Keeps those that hold, out of what the latest of the stages before has
      # left; true when there is none any more.
      def narrow(context, stage, before, &holds)
        listing = listing(context)
        return false if listing.empty?

        left = remaining(context, listing, before).select(&holds)
        remember(context, stage, left) if listing.size > 1
        left.empty?
      end

      # With one policy there is nothing to remember: it has held so far.
      def remaining(context, listing, stages)
        known = @remaining[context.handle]
        (known && stages.filter_map { |stage| known[stage] }.first) || listing
      end

      def remember(context, stage, policies)
        sweep if @remaining.size >= @sweep_at
        (@remaining[context.handle] ||= Remaining.new)[stage] = policies
      end

      # Sessions do not say when they are over.
      def sweep
        @remaining.keep_if { |handle, _| Context.live?(handle) }
        @sweep_at = [SWEEP, 2 * @remaining.size].max
      end
    end
  end
end
