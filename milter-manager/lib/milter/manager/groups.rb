# frozen_string_literal: true

module Milter
  module Manager
    # package, security, log, ...: receivers of NAME.ITEM = VALUE.  Checks and
    # defaults are in the table of items; this class only carries values there.
    class Group
      # rubyish names -> rows of the table (milter-manager/config/item.c)
      def self.items(*names)
        @items ||= []
        @items.concat(names)
        names.each do |name|
          define_method(name) { |*values| values.empty? ? read(name) : missing_sign(name, *values) }
          define_method("#{name}=") { |value| write(name, value) }
        end
      end

      def self.item_names = @items

      def initialize
        @values = nil
      end

      # From now on values are read from here: the configuration is complete.
      def seal
        @values = self.class.item_names.to_h { |name| [name, convert_read(name, native_read(name))] }
      end

      def self.group_name = name[/\w+\z/].sub(/Group\z/, "").downcase

      def group = self.class.group_name

      def inspect = "#<#{group}>"

      def respond_to_missing?(*) = false

      def method_missing(name, *)
        item = name.to_s.delete_suffix("=")
        message = "unknown item: #{group}.#{item}#{hint(item)}"
        raise NoMethodError, message unless name.end_with?("=")

        Manager.complain(NoMethodError, message)
      end

      private

      def missing_sign(name, *values)
        Manager.complain(ConfigurationError, "#{group}.#{name} is given its value with \"=\": write " \
                                             "#{group}.#{name} = #{values.map(&:inspect).join(", ")}")
      end

      def read(name)
        @values ? @values[name] : convert_read(name, native_read(name))
      end

      def write(name, value)
        value = convert_write(name, value)
        value = value.to_s if value.is_a?(Symbol)
        message = native_write(name, value, value.inspect, *Locations.current)
        Manager.complain(InvalidValue, "#{message}#{SpecWords.hint(name, value)}") if message
      end

      def native_read(name) = Native.value(group, name.to_s)

      def native_write(name, value, notation, file, line)
        Native.assign(group, name.to_s, value, notation, file, line)
      end

      def convert_read(_name, value) = value
      def convert_write(_name, value) = value

      def hint(item)
        names = public_methods(false) + self.class.item_names
        close = Spelling.closest(item, names)
        meant = close ? "#{group}.#{close}" : elsewhere(item)
        meant ? Spelling.hint(meant) : "; milter-manager.conf(5) lists them"
      end

      # The item of that name in another group, nil when there is none.
      def elsewhere(item)
        home = Group.subclasses.find { |other| other.item_names.include?(item.to_sym) }
        "#{home.group_name}.#{item}" if home
      end
    end

    # package.*
    class PackageGroup < Group
      items :platform, :options

      private

      # Written as "k=v,k=v" or a hash, read as a hash.
      def convert_write(name, value)
        return value unless name == :options && value.is_a?(Hash)

        value.map { |key, text| "#{key}=#{text}" }.join(",")
      end

      def convert_read(name, value)
        return value unless name == :options && value

        value.split(",").to_h { |pair| pair.split("=", 2).map(&:strip).then { |key, text| [key, text] } }
      end
    end

    # security.*
    class SecurityGroup < Group
      items :privilege_mode, :effective_user, :effective_group
    end

    # log.*
    class LogGroup < Group
      items :level, :path, :format, :use_syslog, :syslog_facility
    end

    # manager.*
    class ManagerGroup < Group
      items :connection_spec, :unix_socket_mode, :unix_socket_group,
            :remove_unix_socket_on_create, :remove_unix_socket_on_close, :daemon, :pid_file,
            :maintenance_interval, :suspend_time_on_unacceptable, :max_connections,
            :refuse_when_full, :max_file_descriptors, :custom_configuration_directory, :fallback_status,
            :fallback_status_at_disconnect, :event_loop_backend, :n_workers,
            :packet_buffer_size, :connection_check_interval, :chunk_size,
            :max_pending_finished_sessions, :condition_timeout, :shutdown_timeout,
            :record_sessions, :record_sessions_limit
      include NetstatConnectionChecker::Items

      def initialize
        super
        @record_conditions = ConditionList.new(nil)
        @hooks = Hooks.new
      end

      # false of the block: the SMTP client has gone.  The same name replaces.
      def define_connection_checker(name, &block) = @hooks.define_connection_checker(name, block)

      # After each maintenance.
      def maintained(&block) = @hooks.maintained(block)
      def report_memory_statistics = @hooks.report_memory_statistics

      # At the start, and when a reload has brought this configuration.
      def event_loop_created(&block) = @hooks.event_loop_created(block)

      # Sessions are recorded only while none of these stops.
      def record_sessions_conditions = @record_conditions.names

      def record_sessions_conditions=(conditions)
        @record_conditions.replace(conditions)
      end

      def add_record_sessions_condition(condition) = @record_conditions.add(condition)
    end

    # controller.*
    class ControllerGroup < Group
      items :connection_spec, :token, :unix_socket_mode, :unix_socket_group,
            :remove_unix_socket_on_create, :remove_unix_socket_on_close
    end
  end
end
